#include "core/identity/identity_answer.h"

enum status identity_answer_begin(struct identity_answer *out,
                                  const struct inquiry_question *question, struct arena *arena)
{
    *out = (struct identity_answer){.kind = question->kind};
    TRY(arena_copy(arena, question->name, &out->name));
    return question->kind == INQUIRY_GROUPS ? arena_copy(arena, question->about, &out->about)
                                            : STATUS_OK;
}

bool identity_answer_take(struct identity_answer *self, enum status status,
                          const struct inquiry_answer *answer, int64_t now_s)
{
    if (status == STATUS_OK) {
        self->is_yes = answer->is_yes;
        self->text = answer->text;
        self->asked_at_s = answer->asked_at_s;
        return true;
    }
    self->asked_at_s = now_s;
    return status == STATUS_UNAVAILABLE && self->kind == INQUIRY_GROUPS;
}
