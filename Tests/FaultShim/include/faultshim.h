#ifndef HOLDFAST_FAULTSHIM_H
#define HOLDFAST_FAULTSHIM_H

/// The first line that the shim writes to its log, from its constructor: without it, it was not loaded.
#define HOLDFAST_SHIM_LOADED "loaded"

#endif
