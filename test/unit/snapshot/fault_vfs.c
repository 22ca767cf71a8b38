/* SPDX-License-Identifier: Apache-2.0 */
/* fault_vfs.c: forwards everything to the default VFS, but counts and fails xWrite and xSync. */
#include "fault_vfs.h"

#include <sqlite3.h>
#include <string.h>

struct fault_file {
    sqlite3_file  self;
    sqlite3_file *real; /* behind this struct */
};

/* The VFS is registered for the process, so there is one. */
static struct {
    sqlite3_vfs   vfs;
    sqlite3_vfs  *real;
    struct fault *fault;
} the;

#define REAL(f) (((struct fault_file *)(f))->real)

static int fault_close(sqlite3_file *f)
{
    return REAL(f)->pMethods->xClose(REAL(f));
}

static int fault_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    return REAL(f)->pMethods->xRead(REAL(f), to, n, at);
}

static int fault_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    the.fault->seen_writes++;
    if (the.fault->writes >= 0 && the.fault->writes-- == 0) {
        the.fault->writes = 0;
        return the.fault->write_code;
    }
    return REAL(f)->pMethods->xWrite(REAL(f), from, n, at);
}

static int fault_truncate(sqlite3_file *f, sqlite3_int64 to)
{
    return REAL(f)->pMethods->xTruncate(REAL(f), to);
}

static int fault_sync(sqlite3_file *f, int flags)
{
    the.fault->seen_syncs++;
    if (the.fault->syncs >= 0 && the.fault->syncs-- == 0) {
        the.fault->syncs = 0;
        return SQLITE_IOERR_FSYNC;
    }
    return REAL(f)->pMethods->xSync(REAL(f), flags);
}

static int fault_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return REAL(f)->pMethods->xFileSize(REAL(f), size);
}

static int fault_lock(sqlite3_file *f, int how)
{
    return REAL(f)->pMethods->xLock(REAL(f), how);
}

static int fault_unlock(sqlite3_file *f, int how)
{
    return REAL(f)->pMethods->xUnlock(REAL(f), how);
}

static int fault_reserved(sqlite3_file *f, int *out)
{
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}

static int fault_control(sqlite3_file *f, int op, void *arg)
{
    return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}

static int fault_sector(sqlite3_file *f)
{
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static int fault_device(sqlite3_file *f)
{
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

static int fault_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, out);
}

static int fault_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return REAL(f)->pMethods->xShmLock(REAL(f), at, n, flags);
}

static void fault_shm_barrier(sqlite3_file *f)
{
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}

static int fault_shm_unmap(sqlite3_file *f, int remove)
{
    return REAL(f)->pMethods->xShmUnmap(REAL(f), remove);
}

static const sqlite3_io_methods methods = {
    2, fault_close, fault_read, fault_write, fault_truncate, fault_sync, fault_size, fault_lock, fault_unlock,
    fault_reserved, fault_control, fault_sector, fault_device, fault_shm_map, fault_shm_lock, fault_shm_barrier,
    fault_shm_unmap, 0, 0,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    struct fault_file *self = (struct fault_file *)f;
    self->real = (sqlite3_file *)(self + 1);
    self->self.pMethods = 0;
    int code = the.real->xOpen(the.real, name, self->real, flags, out);
    if (self->real->pMethods) self->self.pMethods = &methods;
    return code;
}

void fault_vfs_install(struct fault *f)
{
    the.fault = f;
    the.real = sqlite3_vfs_find(0);
    the.vfs = *the.real;
    the.vfs.pNext = 0;
    the.vfs.zName = "fault";
    the.vfs.szOsFile = (int)sizeof(struct fault_file) + the.real->szOsFile;
    the.vfs.xOpen = fault_open;
    sqlite3_vfs_register(&the.vfs, 1);
}

void fault_vfs_remove(void)
{
    sqlite3_vfs_unregister(&the.vfs);
    sqlite3_vfs_register(the.real, 1);
}
