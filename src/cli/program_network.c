/* What `aegis` reaches. */
#include "cli/command.h"
#include "daemon/network.h"

const struct network *program_network(void)
{
    return network_http();
}
