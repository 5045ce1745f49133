/* media_type.h: is a Content-Type the one we want? Private to transport. */
#ifndef AEGIS_ADAPTERS_TRANSPORT_MEDIA_TYPE_H
#define AEGIS_ADAPTERS_TRANSPORT_MEDIA_TYPE_H

#include "base/slice.h"

/* Does value name type (lower case), with no charset but utf-8? Other parameters are allowed. */
bool media_type_is(struct slice value, struct slice type);

#endif
