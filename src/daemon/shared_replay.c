#include "daemon/shared_replay.h"

enum status shared_replay_init(struct shared_replay *replay, size_t entries)
{
    return pthread_mutex_init(&replay->lock, NULL) != 0
               ? STATUS_LIMIT
               : replay_table_init(&replay->table, entries);
}

void shared_replay_release(struct shared_replay *replay)
{
    replay_table_release(&replay->table);
}

static enum status take(void *context, const uint8_t proof[REPLAY_PROOF_BYTES], int64_t until_s,
                        int64_t now_s)
{
    struct shared_replay *replay = context;
    (void)pthread_mutex_lock(&replay->lock);
    enum status status = replay_table_take(&replay->table, proof, until_s, now_s);
    (void)pthread_mutex_unlock(&replay->lock);
    return status;
}

struct port_replay shared_replay_port(struct shared_replay *replay)
{
    return (struct port_replay){replay, take};
}
