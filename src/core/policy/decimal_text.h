/* decimal_text.h: JSON number lexemes as exact numbers.
 *
 * Numbers of a message are never turned into doubles: a policy that compares amounts must see the
 * number the server will see, or know that it cannot.
 */
#ifndef AEGIS_CORE_POLICY_DECIMAL_TEXT_H
#define AEGIS_CORE_POLICY_DECIMAL_TEXT_H

#include "base/slice.h"

/* The lexeme's value times 10^scale as a 64-bit integer, exactly: "1.5e1" with scale 0 is 15.
 * STATUS_INVALID when it has more decimals than scale, STATUS_LIMIT when it does not fit.
 *
 * lexeme  a valid JSON number
 * scale   0..18, decimals kept */
NODISCARD enum status decimal_text_scale(struct slice lexeme, unsigned scale, int64_t *out);

#endif
