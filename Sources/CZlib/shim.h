// The door to zlib. Imported by Probes only.

#ifndef NODE_LOCAL_DNS_CZLIB_H
#define NODE_LOCAL_DNS_CZLIB_H

#include <zlib.h>

#endif
