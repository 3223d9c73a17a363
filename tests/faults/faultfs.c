/*
 * faultfs: a file system over a directory, which fails as it is told and writes down what was asked of it.
 *
 *     faultfs DIRECTORY MOUNTPOINT TRACE [names=SECONDS] [attributes=SECONDS] [stamp=MILLISECONDS]
 *
 * Without orders it is the directory itself: inode numbers, hard links, files that are open and removed. Nothing is
 * kept by the kernel, so that each call of a program is at least one call here. An fsync is written down, not made.
 *
 * names, attributes: what this mount believes of names (there or missing), and of the attributes of files, as an NFS
 *     client does: a name until its directory is opened, or so many seconds; attributes until the file is opened.
 * stamp: opening a directory does not help if its time stamp, in steps of so long, is the same as before (NFSv3).
 *
 * Orders come as lines on standard input, and each is answered by a line; at its end, the file system is unmounted:
 *
 *     fail OPS ERROR [before|after] [at=N] [for=N] [chance=P] [seed=N] [path=TEXT] [program=PID]
 *         Calls of OPS (names as below, with commas; "all"; "changes") whose path contains TEXT fail with ERROR (such as
 *         EIO; KILL kills the caller with SIGKILL instead). Before they are executed; or after, as if the reply was
 *         lost. From the Nth call on, for so many calls (0: for ever, the default); or each with a chance.
 *     heal     forget all that is to fail; answers how many calls have failed since the last time
 *     calls    answers how many calls there were so far
 *     flush    answers when the trace is complete
 *
 * TRACE gets a line for each call, in their order:
 *
 *     PID OP DONE ERROR NODE DIRECTORY NAME DIRECTORY2 NAME2 DETAIL
 *
 * DONE is 1 if it was executed with success; ERROR is what the caller was told; NODE and the directories are inode
 * numbers. DETAIL is OFFSET:BYTES of a write (in hexadecimal), the size of a truncate, the time (ns) of a utime.
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum op { LOOKUP, GETATTR, OPEN, READ, OPENDIR, READDIR, CREATE, WRITE, TRUNCATE, UTIME, CHMOD, FLUSH, FSYNC, FSYNCDIR,
          MKDIR, LINK, RENAME, UNLINK, RMDIR, OPS };
static const char *const OP_NAMES[] = {"lookup", "getattr", "open", "read", "opendir", "readdir", "create", "write",
    "truncate", "utime", "chmod", "flush", "fsync", "fsyncdir", "mkdir", "link", "rename", "unlink", "rmdir"};
#define FIRST_CHANGE CREATE

static const struct { const char *name; int number; } ERRORS[] = {
    {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"ESTALE", ESTALE}, {"EINTR", EINTR}, {"EEXIST", EEXIST},
    {"ENOENT", ENOENT}, {"ETIMEDOUT", ETIMEDOUT}, {"EAGAIN", EAGAIN}, {"EACCES", EACCES}, {"EROFS", EROFS},
    {"EPERM", EPERM}, {"EOPNOTSUPP", EOPNOTSUPP}, {"EMLINK", EMLINK}, {"EBUSY", EBUSY}, {"KILL", -1}};

/* ---- Nodes: what the kernel knows by a number. Each holds its file, so that its inode is not used again. */

struct name {
    struct name *next;
    struct node *node; /* or NULL: believed to be missing */
    char text[];
};

struct listing {
    size_t number;
    struct { ino_t ino; unsigned char type; char *name; } *entries;
};

struct node {
    struct node *next;
    int fd; /* O_PATH */
    dev_t dev;
    ino_t ino;
    unsigned long lookups;
    /* What this mount believes, if it believes anything. */
    struct stat attributes;
    double attributes_when;
    struct name *names;
    double names_when;
    long long stamp;
    struct listing listing; /* of the directory, when it had this stamp */
    long long listing_stamp;
};

#define BUCKETS 4096
static struct node *table[BUCKETS];
static struct node root;
static double keep_names, keep_attributes;
static long stamp_step;
static struct fuse_session *session;
static FILE *trace;
static unsigned long calls, failed;
static char backing[4096];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct node *node_of(fuse_ino_t number)
{
    return number == FUSE_ROOT_ID ? &root : (struct node *)(uintptr_t)number;
}

struct place { char text[64]; };

static const char *in_proc(struct place *place, int fd)
{
    snprintf(place->text, sizeof place->text, "/proc/self/fd/%d", fd);
    return place->text;
}

static int attributes_of(struct node *node, struct stat *found)
{
    if (keep_attributes && node->attributes_when && now() - node->attributes_when < keep_attributes) {
        *found = node->attributes;
        return 0;
    }
    if (fstatat(node->fd, "", found, AT_EMPTY_PATH))
        return errno;
    node->attributes = *found;
    node->attributes_when = now();
    return 0;
}

static struct node *find_or_add(int fd, const struct stat *found)
{
    struct node **bucket = &table[(found->st_ino ^ found->st_dev) % BUCKETS];
    struct node *node;
    for (node = *bucket; node; node = node->next)
        if (node->ino == found->st_ino && node->dev == found->st_dev) {
            close(fd);
            return node;
        }
    node = calloc(1, sizeof *node);
    node->fd = fd;
    node->ino = found->st_ino;
    node->dev = found->st_dev;
    node->next = *bucket;
    return *bucket = node;
}

static void forget(struct node *node, unsigned long number)
{
    node->lookups -= number;
    if (node->lookups || node == &root || keep_names)
        return;
    struct node **place = &table[(node->ino ^ node->dev) % BUCKETS];
    while (*place != node)
        place = &(*place)->next;
    *place = node->next;
    close(node->fd);
    free(node);
}

/* ---- What is believed of names */

static long long stamp_of(struct node *directory)
{
    struct stat found;
    if (!stamp_step || fstatat(directory->fd, "", &found, AT_EMPTY_PATH))
        return -1;
    return ((long long)found.st_mtim.tv_sec * 1000 + found.st_mtim.tv_nsec / 1000000) / stamp_step;
}

static void forget_name(struct node *directory, const char *text)
{
    for (struct name **place = &directory->names; *place; place = &(*place)->next)
        if (!strcmp((*place)->text, text)) {
            struct name *name = *place;
            *place = name->next;
            free(name);
            return;
        }
}

static void revalidate(struct node *directory)
{
    long long stamp = stamp_of(directory);
    directory->names_when = now();
    if (stamp_step && stamp == directory->stamp)
        return;
    directory->stamp = stamp;
    while (directory->names) {
        struct name *name = directory->names;
        directory->names = name->next;
        free(name);
    }
}

static struct name *believed(struct node *directory, const char *text)
{
    if (!keep_names)
        return NULL;
    if (now() - directory->names_when >= keep_names)
        revalidate(directory);
    for (struct name *name = directory->names; name; name = name->next)
        if (!strcmp(name->text, text))
            return name;
    return NULL;
}

static void believe(struct node *directory, const char *text, struct node *node)
{
    if (!keep_names)
        return;
    forget_name(directory, text);
    struct name *name = malloc(sizeof *name + strlen(text) + 1);
    strcpy(name->text, text);
    name->node = node;
    name->next = directory->names;
    directory->names = name;
}

/* After a change by this mount: `before` was the stamp; if nobody else has changed it, its names are as they were. */
static void changed(struct node *directory, const char *text, long long before)
{
    if (!keep_names)
        return;
    if (stamp_step && directory->stamp == before)
        directory->stamp = stamp_of(directory);
    directory->attributes_when = 0;
    forget_name(directory, text);
}

/* False if the server, which has to be asked for the attributes now, says that there is no such file any more. */
static int is_plausible(struct node *node)
{
    struct stat found;
    return !node || (!attributes_of(node, &found) && found.st_nlink);
}

static int resolve(struct node *directory, const char *text, struct node **node)
{
    struct name *name = believed(directory, text);
    struct stat found;
    *node = name ? name->node : NULL;
    if (name && is_plausible(*node))
        return *node ? 0 : ENOENT;
    int fd = openat(directory->fd, text, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT)
            believe(directory, text, NULL);
        return errno;
    }
    if (fstatat(fd, "", &found, AT_EMPTY_PATH)) {
        close(fd);
        return errno;
    }
    *node = find_or_add(fd, &found);
    believe(directory, text, *node);
    return 0;
}

static int entry_of(struct node *directory, const char *text, struct fuse_entry_param *entry)
{
    struct node *node;
    int error = resolve(directory, text, &node);
    memset(entry, 0, sizeof *entry);
    if (error || (error = attributes_of(node, &entry->attr)))
        return error;
    entry->ino = (uintptr_t)node;
    node->lookups++;
    return 0;
}

/* ---- What is to fail */

struct rule {
    struct rule *next;
    unsigned long ops, seen, at, length, program;
    int error, after;
    double chance;
    unsigned long long state;
    char path[256];
};
static struct rule *rules;

struct call {
    fuse_req_t req;
    enum op op;
    struct node *node, *directory, *directory2;
    const char *name, *name2;
    int after; /* the error to tell when it is done */
    char *detail;
};

static double random_of(struct rule *rule)
{
    rule->state = rule->state * 6364136223846793005ULL + 1442695040888963407ULL;
    unsigned long long x = rule->state;
    x ^= x >> 33; x *= 0xff51afd7ed558ccdULL; x ^= x >> 33;
    return (double)(x >> 11) / 9007199254740992.0;
}

static int path_has(struct node *node, const char *name, const char *text)
{
    char path[8192];
    struct place place;
    if (!node)
        return 0;
    ssize_t length = readlink(in_proc(&place, node->fd), path, 4096);
    if (length < (ssize_t)strlen(backing))
        return 0;
    snprintf(path + length, 4000, name ? "/%s" : "", name);
    return strstr(path + strlen(backing), text) != NULL;
}

static int concerns(struct rule *rule, struct call *call)
{
    if (!(rule->ops >> call->op & 1))
        return 0;
    if (rule->program && rule->program != (unsigned long)fuse_req_ctx(call->req)->pid)
        return 0;
    return !*rule->path || path_has(call->directory, call->name, rule->path)
        || path_has(call->directory2, call->name2, rule->path)
        || (!call->directory && path_has(call->node, NULL, rule->path));
}

static int fires(struct rule *rule, struct call *call)
{
    if (!concerns(rule, call))
        return 0;
    rule->seen++;
    if (rule->seen < rule->at || (rule->length && rule->seen >= rule->at + rule->length))
        return 0;
    return random_of(rule) < rule->chance;
}

static void put(const char *text)
{
    putc(' ', trace);
    if (!text || !*text)
        putc('-', trace);
    for (; text && *text; text++)
        fprintf(trace, *text <= ' ' || *text == '%' || *text == 127 ? "%%%02x" : "%c", (unsigned char)*text);
}

static void note(struct call *call, int done, int error)
{
    struct node *nodes[] = {call->node, call->directory, call->directory2};
    unsigned long numbers[3];
    for (int i = 0; i < 3; i++)
        numbers[i] = nodes[i] ? nodes[i]->ino : 0;
    fprintf(trace, "%d %s %d %d %lu %lu", (int)fuse_req_ctx(call->req)->pid, OP_NAMES[call->op], done, error,
            numbers[0], numbers[1]);
    put(call->name);
    fprintf(trace, " %lu", numbers[2]);
    put(call->name2);
    put(call->detail);
    putc('\n', trace);
    free(call->detail);
    call->detail = NULL;
}

static void killing(struct call *call)
{
    kill(fuse_req_ctx(call->req)->pid, SIGKILL);
}

/* True if the call failed before it was executed, and has been answered. */
static int begin(struct call *call)
{
    calls++;
    for (struct rule *rule = rules; rule; rule = rule->next) {
        if (!fires(rule, call))
            continue;
        failed++;
        if (rule->after) {
            call->after = rule->error;
            return 0;
        }
        if (rule->error < 0)
            killing(call);
        int error = rule->error < 0 ? EINTR : rule->error;
        note(call, 0, error);
        fuse_reply_err(call->req, error);
        return 1;
    }
    return 0;
}

/* What to tell of a call that was executed. */
static int end(struct call *call, int error)
{
    int told = call->after > 0 ? call->after : error;
    if (call->after < 0)
        killing(call);
    note(call, !error, told);
    return told;
}

static char *text(const char *format, ...)
{
    char *made;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&made, format, arguments) < 0)
        abort();
    va_end(arguments);
    return made;
}

/* ---- Calls that look */

static void on_init(void *unused, struct fuse_conn_info *connection)
{
    (void)unused;
    connection->want &= ~(unsigned)FUSE_CAP_ATOMIC_O_TRUNC;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct call call = {req, LOOKUP, .directory = node_of(parent), .name = name};
    struct fuse_entry_param entry;
    if (begin(&call))
        return;
    int error = entry_of(call.directory, name, &entry), told = end(&call, error);
    if (!told) {
        fuse_reply_entry(req, &entry);
        return;
    }
    if (!error)
        forget(node_of(entry.ino), 1);
    fuse_reply_err(req, told);
}

static void on_forget(fuse_req_t req, fuse_ino_t number, uint64_t times)
{
    forget(node_of(number), times);
    fuse_reply_none(req);
}

static void on_getattr(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *file)
{
    (void)file;
    struct call call = {req, GETATTR, .node = node_of(number)};
    struct stat found;
    if (begin(&call))
        return;
    int told = end(&call, attributes_of(call.node, &found));
    if (told)
        fuse_reply_err(req, told);
    else
        fuse_reply_attr(req, &found, 0);
}

static void on_open(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *file)
{
    struct call call = {req, OPEN, .node = node_of(number)};
    struct place place;
    struct stat found;
    int error = 0, fd = -1;
    if (begin(&call))
        return;
    call.node->attributes_when = 0;
    if (keep_names && !fstatat(call.node->fd, "", &found, AT_EMPTY_PATH) && !found.st_nlink) {
        error = ESTALE; /* the server has it no more: the kernel asks for the name again, and gets the truth */
        for (int i = 0; i < BUCKETS; i++)
            for (struct node *node = table[i]; node; node = node->next)
                for (struct name *name = node->names; name; name = name->next)
                    if (name->node == call.node) {
                        forget_name(node, name->text);
                        break;
                    }
    } else {
        fd = open(in_proc(&place, call.node->fd), (file->flags & ~(O_NOFOLLOW | O_CREAT | O_EXCL)) | O_CLOEXEC);
        error = fd < 0 ? errno : 0;
    }
    int told = end(&call, error);
    if (told) {
        if (fd >= 0)
            close(fd);
        fuse_reply_err(req, told);
        return;
    }
    file->fh = (uint64_t)fd;
    file->direct_io = 1;
    fuse_reply_open(req, file);
}

static void on_read(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *file)
{
    struct call call = {req, READ, .node = node_of(number)};
    if (begin(&call))
        return;
    char *data = malloc(size);
    ssize_t length = pread((int)file->fh, data, size, offset);
    int told = end(&call, length < 0 ? errno : 0);
    if (told)
        fuse_reply_err(req, told);
    else
        fuse_reply_buf(req, data, (size_t)length);
    free(data);
}

static void on_release(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *file)
{
    (void)number;
    close((int)file->fh);
    fuse_reply_err(req, 0);
}

static void on_opendir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *file)
{
    struct call call = {req, OPENDIR, .node = node_of(number)};
    if (begin(&call))
        return;
    call.node->attributes_when = 0;
    if (keep_names)
        revalidate(call.node);
    struct stat found;
    int error = fstatat(call.node->fd, "", &found, AT_EMPTY_PATH) ? errno : found.st_nlink ? 0 : ENOENT;
    int told = end(&call, error);
    if (told) {
        fuse_reply_err(req, told);
        return;
    }
    file->fh = (uintptr_t)calloc(1, sizeof(struct listing));
    fuse_reply_open(req, file);
}

static void clear(struct listing *listing)
{
    for (size_t i = 0; i < listing->number; i++)
        free(listing->entries[i].name);
    free(listing->entries);
    listing->entries = NULL;
    listing->number = 0;
}

static void add(struct listing *listing, ino_t ino, unsigned char type, const char *name)
{
    listing->entries = realloc(listing->entries, (listing->number + 1) * sizeof *listing->entries);
    listing->entries[listing->number].ino = ino;
    listing->entries[listing->number].type = type;
    listing->entries[listing->number++].name = strdup(name);
}

static void copy(const struct listing *from, struct listing *to)
{
    clear(to);
    for (size_t i = 0; i < from->number; i++)
        add(to, from->entries[i].ino, from->entries[i].type, from->entries[i].name);
}

static int list(struct node *node, struct listing *listing)
{
    struct place place;
    struct dirent *entry;
    if (stamp_step && node->listing.number && node->listing_stamp == node->stamp) {
        copy(&node->listing, listing);
        return 0;
    }
    DIR *directory = opendir(in_proc(&place, node->fd));
    if (!directory)
        return errno;
    clear(listing);
    while ((entry = readdir(directory)))
        add(listing, entry->d_ino, entry->d_type, entry->d_name);
    closedir(directory);
    copy(listing, &node->listing);
    node->listing_stamp = node->stamp;
    return 0;
}

static void on_readdir(fuse_req_t req, fuse_ino_t number, size_t size, off_t offset, struct fuse_file_info *file)
{
    struct call call = {req, READDIR, .node = node_of(number)};
    struct listing *listing = (struct listing *)(uintptr_t)file->fh;
    if (begin(&call))
        return;
    int told = end(&call, offset ? 0 : list(call.node, listing));
    if (told) {
        fuse_reply_err(req, told);
        return;
    }
    char *data = malloc(size);
    size_t used = 0;
    for (size_t i = (size_t)offset; i < listing->number; i++) {
        struct stat found = {.st_ino = listing->entries[i].ino, .st_mode = (mode_t)listing->entries[i].type << 12};
        size_t more = fuse_add_direntry(req, data + used, size - used, listing->entries[i].name, &found, (off_t)i + 1);
        if (more > size - used)
            break;
        used += more;
    }
    fuse_reply_buf(req, data, used);
    free(data);
}

static void on_releasedir(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *file)
{
    (void)number;
    struct listing *listing = (struct listing *)(uintptr_t)file->fh;
    clear(listing);
    free(listing);
    fuse_reply_err(req, 0);
}

static void on_statfs(fuse_req_t req, fuse_ino_t number)
{
    struct statvfs found;
    if (fstatvfs(node_of(number)->fd, &found))
        fuse_reply_err(req, errno);
    else
        fuse_reply_statfs(req, &found);
}

/* ---- Calls that change files */

static void on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *file)
{
    struct call call = {req, CREATE, .directory = node_of(parent), .name = name};
    struct fuse_entry_param entry;
    struct place place;
    if (begin(&call))
        return;
    long long before = stamp_of(call.directory);
    int made = openat(call.directory->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 07777), fd = -1;
    int error = made < 0 && (errno != EEXIST || file->flags & O_EXCL) ? errno : 0;
    changed(call.directory, name, before);
    if (!error && !(error = entry_of(call.directory, name, &entry))) {
        call.node = node_of(entry.ino);
        fd = open(in_proc(&place, call.node->fd), (file->flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_CLOEXEC);
        error = fd < 0 ? errno : 0;
    }
    if (made < 0 && !error)
        call.op = OPEN; /* it was there */
    if (made >= 0)
        close(made);
    int told = end(&call, error);
    if (!told) {
        file->fh = (uint64_t)fd;
        file->direct_io = 1;
        fuse_reply_create(req, &entry, file);
        return;
    }
    if (fd >= 0) {
        close(fd);
        forget(call.node, 1);
    }
    fuse_reply_err(req, told);
}

static char *hexadecimal(off_t offset, const char *data, size_t size)
{
    char *made = malloc(32 + 2 * size), *at = made + sprintf(made, "%lld:", (long long)offset);
    for (size_t i = 0; i < size; i++, at += 2) {
        at[0] = "0123456789abcdef"[(unsigned char)data[i] >> 4];
        at[1] = "0123456789abcdef"[data[i] & 15];
    }
    *at = 0;
    return made;
}

static void on_write(fuse_req_t req, fuse_ino_t number, const char *data, size_t size, off_t offset,
                     struct fuse_file_info *file)
{
    struct call call = {req, WRITE, .node = node_of(number)};
    struct stat found;
    if (begin(&call))
        return;
    if (fcntl((int)file->fh, F_GETFL) & O_APPEND && !fstat((int)file->fh, &found))
        offset = found.st_size;
    ssize_t length = pwrite((int)file->fh, data, size, offset);
    int error = length < 0 ? errno : 0;
    call.node->attributes_when = 0;
    if (!error)
        call.detail = hexadecimal(offset, data, (size_t)length);
    int told = end(&call, error);
    if (told)
        fuse_reply_err(req, told);
    else
        fuse_reply_write(req, (size_t)length);
}

static int set_times(struct node *node, const struct stat *wanted, int what, char **detail)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};
    struct place place;
    struct stat found;
    if (what & FUSE_SET_ATTR_ATIME)
        times[0] = wanted->st_atim;
    if (what & FUSE_SET_ATTR_MTIME)
        times[1] = wanted->st_mtim;
    if (what & FUSE_SET_ATTR_ATIME_NOW)
        times[0].tv_nsec = UTIME_NOW;
    if (what & FUSE_SET_ATTR_MTIME_NOW)
        times[1].tv_nsec = UTIME_NOW;
    if (utimensat(AT_FDCWD, in_proc(&place, node->fd), times, 0) || fstatat(node->fd, "", &found, AT_EMPTY_PATH))
        return errno;
    *detail = text("%lld", (long long)found.st_mtim.tv_sec * 1000000000LL + found.st_mtim.tv_nsec);
    return 0;
}

static void on_setattr(fuse_req_t req, fuse_ino_t number, struct stat *wanted, int what, struct fuse_file_info *file)
{
    (void)file;
    struct call call = {req, CHMOD, .node = node_of(number)};
    struct place place;
    struct stat found;
    int error = 0;
    call.op = what & FUSE_SET_ATTR_SIZE ? TRUNCATE : what & FUSE_SET_ATTR_MTIME ? UTIME : CHMOD;
    if (begin(&call))
        return;
    if (call.op == TRUNCATE) {
        error = truncate(in_proc(&place, call.node->fd), wanted->st_size) ? errno : 0;
        call.detail = text("%lld", (long long)wanted->st_size);
    } else if (call.op == UTIME) {
        error = set_times(call.node, wanted, what, &call.detail);
    } else if (what & FUSE_SET_ATTR_MODE) {
        error = chmod(in_proc(&place, call.node->fd), wanted->st_mode) ? errno : 0;
    }
    call.node->attributes_when = 0;
    if (!error)
        error = attributes_of(call.node, &found);
    int told = end(&call, error);
    if (told)
        fuse_reply_err(req, told);
    else
        fuse_reply_attr(req, &found, 0);
}

static void say(struct call call)
{
    if (!begin(&call))
        fuse_reply_err(call.req, end(&call, 0));
}

static void on_flush(fuse_req_t req, fuse_ino_t number, struct fuse_file_info *file)
{
    (void)file;
    say((struct call){req, FLUSH, .node = node_of(number)});
}

static void on_fsync(fuse_req_t req, fuse_ino_t number, int data_only, struct fuse_file_info *file)
{
    (void)data_only, (void)file;
    say((struct call){req, FSYNC, .node = node_of(number)});
}

static void on_fsyncdir(fuse_req_t req, fuse_ino_t number, int data_only, struct fuse_file_info *file)
{
    (void)data_only, (void)file;
    say((struct call){req, FSYNCDIR, .node = node_of(number)});
}

/* ---- Calls that change names */

static void answer_entry(struct call *call, int error, struct node *directory, const char *name)
{
    struct fuse_entry_param entry;
    if (!error && !(error = entry_of(directory, name, &entry)))
        call->node = node_of(entry.ino);
    int told = end(call, error);
    if (!told) {
        fuse_reply_entry(call->req, &entry);
        return;
    }
    if (!error)
        forget(call->node, 1);
    fuse_reply_err(call->req, told);
}

static void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    struct call call = {req, MKDIR, .directory = node_of(parent), .name = name};
    if (begin(&call))
        return;
    long long before = stamp_of(call.directory);
    int error = mkdirat(call.directory->fd, name, mode) ? errno : 0;
    changed(call.directory, name, before);
    answer_entry(&call, error, call.directory, name);
}

static void on_link(fuse_req_t req, fuse_ino_t number, fuse_ino_t parent, const char *name)
{
    struct call call = {req, LINK, .node = node_of(number), .directory = node_of(parent), .name = name};
    struct place place;
    if (begin(&call))
        return;
    long long before = stamp_of(call.directory);
    int error = 0;
    if (linkat(AT_FDCWD, in_proc(&place, call.node->fd), call.directory->fd, name, AT_SYMLINK_FOLLOW))
        error = errno;
    changed(call.directory, name, before);
    call.node->attributes_when = 0;
    answer_entry(&call, error, call.directory, name);
}

static void on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t parent2, const char *name2,
                      unsigned flags)
{
    struct call call = {req, RENAME, .directory = node_of(parent), .directory2 = node_of(parent2), .name = name,
                        .name2 = name2};
    if (begin(&call))
        return;
    long long before = stamp_of(call.directory), before2 = stamp_of(call.directory2);
    int error = renameat2(call.directory->fd, name, call.directory2->fd, name2, flags) ? errno : 0;
    changed(call.directory, name, before);
    changed(call.directory2, name2, before2);
    fuse_reply_err(req, end(&call, error));
}

static void remove_name(struct call call, int flags)
{
    if (begin(&call))
        return;
    long long before = stamp_of(call.directory);
    int error = unlinkat(call.directory->fd, call.name, flags) ? errno : 0;
    changed(call.directory, call.name, before);
    fuse_reply_err(call.req, end(&call, error));
}

static void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    remove_name((struct call){req, UNLINK, .directory = node_of(parent), .name = name}, 0);
}

static void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    remove_name((struct call){req, RMDIR, .directory = node_of(parent), .name = name}, AT_REMOVEDIR);
}

static const struct fuse_lowlevel_ops HANDLERS = {
    .init = on_init, .lookup = on_lookup, .forget = on_forget, .getattr = on_getattr, .setattr = on_setattr,
    .open = on_open, .read = on_read, .write = on_write, .flush = on_flush, .fsync = on_fsync, .release = on_release,
    .opendir = on_opendir, .readdir = on_readdir, .fsyncdir = on_fsyncdir, .releasedir = on_releasedir,
    .create = on_create, .mkdir = on_mkdir, .link = on_link, .rename = on_rename, .unlink = on_unlink,
    .rmdir = on_rmdir, .statfs = on_statfs};

/* ---- Orders */

static unsigned long ops_of(char *words)
{
    unsigned long ops = 0;
    for (char *word = strtok(words, ","); word; word = strtok(NULL, ","))
        for (int op = 0; op < OPS; op++)
            if (!strcmp(word, OP_NAMES[op]) || !strcmp(word, "all") || (!strcmp(word, "changes") && op >= FIRST_CHANGE))
                ops |= 1UL << op;
    return ops;
}

static const char *add_rule(char *line)
{
    char ops[256], error[32];
    int used = 0;
    struct rule *rule = calloc(1, sizeof *rule);
    rule->at = 1;
    rule->chance = 1;
    if (sscanf(line, "%255s %31s%n", ops, error, &used) != 2 || !(rule->ops = ops_of(ops)))
        return "which calls?";
    for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++)
        if (!strcmp(error, ERRORS[i].name))
            rule->error = ERRORS[i].number;
    if (!rule->error)
        return "which error?";
    for (char *word = strtok(line + used, " "); word; word = strtok(NULL, " "))
        if (!strcmp(word, "after"))
            rule->after = 1;
        else if (!strcmp(word, "before"))
            rule->after = 0;
        else if (sscanf(word, "at=%lu", &rule->at) != 1 && sscanf(word, "for=%lu", &rule->length) != 1
                 && sscanf(word, "chance=%lf", &rule->chance) != 1 && sscanf(word, "seed=%llu", &rule->state) != 1
                 && sscanf(word, "program=%lu", &rule->program) != 1 && sscanf(word, "path=%255s", rule->path) != 1)
            return "which calls of these?";
    rule->next = rules;
    rules = rule;
    return "ok";
}

static void obey(char *line)
{
    if (!strncmp(line, "fail ", 5)) {
        printf("%s\n", add_rule(line + 5));
    } else if (!strcmp(line, "heal")) {
        rules = NULL;
        printf("%lu\n", failed);
        failed = 0;
    } else if (!strcmp(line, "calls")) {
        printf("%lu\n", calls);
    } else if (!strcmp(line, "flush")) {
        fflush(trace);
        printf("ok\n");
    } else {
        printf("what?\n");
    }
    fflush(stdout);
}

/* Reads what there is of orders; false at their end. */
static int take_orders(void)
{
    static char buffer[4096];
    static size_t used;
    ssize_t length = read(0, buffer + used, sizeof buffer - 1 - used);
    if (length <= 0)
        return 0;
    used += (size_t)length;
    buffer[used] = 0;
    for (char *line_end; (line_end = strchr(buffer, '\n'));) {
        *line_end = 0;
        obey(buffer);
        used -= (size_t)(line_end + 1 - buffer);
        memmove(buffer, line_end + 1, used + 1);
    }
    return 1;
}

static void serve(void)
{
    struct fuse_buf buffer = {.mem = NULL};
    struct pollfd waiting[] = {{.fd = fuse_session_fd(session), .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    printf("mounted\n");
    fflush(stdout);
    while (!fuse_session_exited(session)) {
        if (poll(waiting, 2, -1) < 0 && errno != EINTR)
            return;
        if (waiting[1].revents && !take_orders())
            return;
        if (!waiting[0].revents)
            continue;
        int length = fuse_session_receive_buf(session, &buffer);
        if (length == -EINTR || length == -EAGAIN)
            continue;
        if (length <= 0)
            return;
        fuse_session_process_buf(session, &buffer);
    }
}

/* Ctrl-C is for the tests; what ends them also ends the orders. */
static const int ENDS[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

static void raise_limit(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int number, char **words)
{
    if (number < 4 || !realpath(words[1], backing)) {
        fprintf(stderr, "usage: faultfs DIRECTORY MOUNTPOINT TRACE [names=SECONDS] ...\n");
        return 2;
    }
    for (int i = 4; i < number; i++)
        if (sscanf(words[i], "names=%lf", &keep_names) != 1 && sscanf(words[i], "attributes=%lf", &keep_attributes) != 1
            && sscanf(words[i], "stamp=%ld", &stamp_step) != 1)
            return 2;
    raise_limit();
    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++)
        signal(ENDS[i], SIG_IGN);
    umask(0);
    trace = fopen(words[3], "we");
    root.fd = open(backing, O_PATH | O_CLOEXEC);
    struct stat found;
    if (!trace || root.fd < 0 || fstatat(root.fd, "", &found, AT_EMPTY_PATH)) {
        perror("faultfs");
        return 2;
    }
    root.ino = found.st_ino;
    root.dev = found.st_dev;
    root.stamp = -2;
    char *options[] = {words[0], "-ofsname=faultfs,subtype=faultfs", NULL};
    struct fuse_args arguments = FUSE_ARGS_INIT(2, options);
    session = fuse_session_new(&arguments, &HANDLERS, sizeof HANDLERS, NULL);
    if (!session || fuse_session_mount(session, words[2]))
        return 3;
    serve();
    fuse_session_unmount(session);
    fclose(trace);
    return 0;
}
