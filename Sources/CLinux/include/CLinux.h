#ifndef VFIOGATE_CLINUX_H
#define VFIOGATE_CLINUX_H

#endif
