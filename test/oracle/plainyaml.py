# SPDX-License-Identifier: Apache-2.0
"""plainyaml.py: reads the part of YAML that recipes and layouts use, with nothing but the standard library.

Block mappings and sequences by indentation, flow mappings and sequences (over several lines, too), plain and quoted
scalars, comments, `!tag` before a scalar (dropped), several documents. Anchors, block scalars (| and >), complex keys
and merges are refused. Scalars stay text, so that the reader decides what `5m` or `0100` means; null is None."""
import re


class YamlError(ValueError):
    """A fault of the text, with its line."""


class _Reader:
    def __init__(self, lines, name):
        self.lines = lines  # (number, indent, text without comment)
        self.at = 0
        self.name = name

    def fail(self, what, number=None):
        if number is None:
            number = self.lines[self.at][0] if self.at < len(self.lines) else 0
        raise YamlError("%s:%d: %s" % (self.name, number, what))

    def node(self, indent):
        """The block that begins at the current line, which stands at `indent`."""
        text = self.lines[self.at][2]
        if text == "-" or text.startswith("- "):
            return self.sequence(indent)
        if text[0] not in "{[" and _key_end(text) is not None:
            return self.mapping(indent)
        return self.inline(text, self.lines[self.at][0], advance=True)

    def sequence(self, indent):
        out = []
        while self.at < len(self.lines) and self.lines[self.at][1] == indent:
            number, _, text = self.lines[self.at]
            if not (text == "-" or text.startswith("- ")):
                break
            rest = text[1:].lstrip()
            if not rest:
                self.at += 1
                out.append(self.below(indent))
                continue
            inner = indent + len(text) - len(rest)
            self.lines[self.at] = (number, inner, rest)
            out.append(self.node(inner))
        return out

    def mapping(self, indent):
        out = {}
        while self.at < len(self.lines) and self.lines[self.at][1] == indent:
            number, _, text = self.lines[self.at]
            end = _key_end(text)
            if end is None:
                self.fail("expected `key: value`")
            key = _scalar(text[:end].strip())
            rest = text[end + 1:].strip()
            if key in out:
                self.fail("key `%s` twice" % key)
            if rest:
                out[key] = self.inline(rest, number, advance=True)
            else:
                self.at += 1
                out[key] = self.below(indent, sequences_at=indent)
        if self.at < len(self.lines) and self.lines[self.at][1] > indent:
            self.fail("indented more than its neighbours")
        return out

    def below(self, indent, sequences_at=None):
        """A value that stands on the following, deeper lines; None if there is none."""
        if self.at >= len(self.lines):
            return None
        _, inner, text = self.lines[self.at]
        if inner > indent or (inner == sequences_at and (text == "-" or text.startswith("- "))):
            return self.node(inner)
        return None

    def inline(self, text, number, advance):
        """A scalar or a flow collection; flow collections take more lines until their brackets close."""
        text = _drop_tag(text)
        if text[:1] in ("|", ">", "&", "*"):
            self.fail("block scalars and anchors are not read here", number)
        self.at += 1 if advance else 0
        if text[:1] not in ("{", "["):
            return _scalar(text)
        while _depth(text) > 0:
            if self.at >= len(self.lines):
                self.fail("bracket never closed", number)
            text += " " + self.lines[self.at][2]
            self.at += 1
        value, rest = _flow(text, 0)
        if text[rest:].strip():
            self.fail("text after the closing bracket", number)
        return value


def _drop_tag(text):
    return re.sub(r"^![A-Za-z]*\s+", "", text)


def _outside_quotes(text):
    """(index, character) of everything outside quotes."""
    quote = None
    for i, c in enumerate(text):
        if quote:
            if c == quote and not (quote == '"' and text[i - 1] == "\\"):
                quote = None
        elif c in "\"'" and (i == 0 or text[i - 1] in " [{,:"):
            quote = c
        else:
            yield i, c


def _key_end(text):
    for i, c in _outside_quotes(text):
        if c == ":" and (i + 1 == len(text) or text[i + 1] in " \t"):
            return i
    return None


def _depth(text):
    depth = 0
    for _, c in _outside_quotes(text):
        depth += 1 if c in "{[" else -1 if c in "}]" else 0
    return depth


def _scalar(text):
    if text[:1] == '"' and text[-1:] == '"' and len(text) > 1:
        escapes = {"n": "\n", "t": "\t", "0": "\0"}
        return re.sub(r"\\(.)", lambda m: escapes.get(m.group(1), m.group(1)), text[1:-1])
    if text[:1] == "'" and text[-1:] == "'" and len(text) > 1:
        return text[1:-1].replace("''", "'")
    return None if text in ("", "~", "null") else text


def _space(text, i):
    while i < len(text) and text[i] in " \t":
        i += 1
    return i


def _flow_scalar(text, i):
    start = i
    if text[i:i + 1] in ("'", '"'):
        quote, i = text[i], i + 1
        while i < len(text) and (text[i] != quote or (quote == '"' and text[i - 1] == "\\")):
            i += 1
        return _scalar(text[start:i + 1]), i + 1
    while i < len(text) and text[i] not in ",]}" and not (text[i] == ":" and text[i + 1:i + 2] in ("", " ")):
        i += 1
    return _scalar(_drop_tag(text[start:i].strip())), i


def _flow(text, i):
    """The flow value at i and where it ends."""
    i = _space(text, i)
    if text[i:i + 1] not in ("{", "["):
        return _flow_scalar(text, i)
    close, mapping = ("}", True) if text[i] == "{" else ("]", False)
    out = {} if mapping else []
    i = _space(text, i + 1)
    while text[i:i + 1] != close:
        if i >= len(text):
            raise YamlError("bracket never closed: %s" % text)
        value, i = _flow(text, i)
        i = _space(text, i)
        if mapping:
            key, value = value, None
            if text[i:i + 1] == ":":
                value, i = _flow(text, i + 1)
                i = _space(text, i)
            if key in out:
                raise YamlError("key `%s` twice" % key)
            out[key] = value
        else:
            out.append(value)
        if text[i:i + 1] == ",":
            i = _space(text, i + 1)
    return out, i + 1


def _comment_cut(line):
    for i, c in _outside_quotes(line):
        if c == "#" and (i == 0 or line[i - 1] in " \t"):
            return line[:i]
    return line


def documents(text, name="yaml"):
    """All documents of the text."""
    out, lines = [], []

    def finish():
        if lines:
            reader = _Reader(list(lines), name)
            out.append(reader.node(lines[0][1]))
            if reader.at < len(reader.lines):
                reader.fail("not understood here")
            lines.clear()

    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("---"):
            finish()
            continue
        if "\t" in line[:len(line) - len(line.lstrip())]:
            raise YamlError("%s:%d: tab in the indentation" % (name, number))
        cut = _comment_cut(line).rstrip()
        if cut.strip():
            lines.append((number, len(cut) - len(cut.lstrip()), cut.strip()))
    finish()
    return out


def load(path):
    """The documents of a file."""
    with open(path, encoding="utf-8") as f:
        return documents(f.read(), str(path))
