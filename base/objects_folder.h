/*
 * The inside of objects in a folder. objects_folder.c has small objects and names, objects_folder_draft.c long ones. Nobody else includes this.
 */
#ifndef BASE_OBJECTS_FOLDER_H
#define BASE_OBJECTS_FOLDER_H

#include <sys/types.h>

#include "base/draft.h"
#include "base/objects.h"
#include "base/random.h"

enum { OBJECTS_NAME_SIZE = 512 };

struct folder {
    struct objects objects; /* first */
    uint32_t magic;
    int fd;
    char *path;
    bool reads;           /* nothing is created or removed */
    struct random random; /* names of drafts */
    dev_t swept_device;   /* the folder that was swept last */
    ino_t swept_inode;
    int lasting_fd; /* owned: the folder that an object was put into last, whose name and parents are lasting; -1: none */
    char lasting[OBJECTS_NAME_SIZE]; /* its name */
};

/* An object's place: the open folder that holds it, and its last name. */
struct place {
    int fd; /* owned */
    char name[OBJECTS_NAME_SIZE];
};

/* CHECKs the magic. */
struct folder *objects_folder_self(struct objects *objects);
/* Opens the folder of an object, which the caller closes if it was found. */
enum err_code objects_folder_place(struct folder *folder, const char *name, bool create,
                                   struct place *ret_place, bool *ret_found, struct err *err);
/* These three return false or -1 with errno. */
bool objects_folder_sync(int fd);
bool objects_folder_stands(const struct place *place);
int objects_folder_open_object(const struct place *place);

/* struct objects, see there. */
enum err_code objects_folder_draft(struct objects *objects, const char *name,
                                   struct objects_draft **ret_draft, struct err *err);
enum err_code objects_folder_publish(struct objects *objects, struct objects_draft *draft,
                                     const char *name, struct err *err);
void objects_folder_discard(struct objects *objects, struct objects_draft *draft);
enum err_code objects_folder_open_one(struct objects *objects, const char *name, bool *ret_found,
                                      int *ret_fd, struct err *err);
enum err_code objects_folder_remove(struct objects *objects, const char *name, bool *ret_found,
                                    struct err *err);

#endif
