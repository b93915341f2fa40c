/* Shared inside the folder. */
#ifndef SRC_STORAGE_PRIV_H
#define SRC_STORAGE_PRIV_H
#include "src/storage/storage.h"

extern const struct bdev_class bdev_class_file, bdev_class_sharedfile;

#endif
