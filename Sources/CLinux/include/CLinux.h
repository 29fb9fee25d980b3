#ifndef VFIOGATE_CLINUX_H
#define VFIOGATE_CLINUX_H

#include "unix_socket.h"
#include "child_process.h"

#endif
