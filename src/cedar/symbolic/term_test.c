#include "cedar/symbolic/term.h"

#include "support/check.h"

#define ARENA_BYTES_MAX ((size_t)64 << 20)

/* Types and variables that the tests use. */
struct fixture {
    struct arena arena;
    struct terms terms;
    const struct term_type *truth, *number, *text, *numbers, *option, *record, *user, *color;
    const struct term *p, *q, *x, *y, *s, *t, *set, *other, *maybe, *it, *u, *c;
};

static const struct slice COLORS[] = {SLICE_INIT("blue"), SLICE_INIT("red")};

static const struct term *variable(struct fixture *f, const struct term_type *type,
                                   const char *name)
{
    return term_variable(&f->terms, type, slice_view_cstr(name));
}

static void set_up(struct fixture *f)
{
    struct terms *terms = &f->terms;
    arena_init(&f->arena, ARENA_BYTES_MAX, NULL);
    terms_init(terms, TERMS_MAX, &f->arena);
    f->truth = term_type_plain(terms, TERM_TYPE_BOOL);
    f->number = term_type_plain(terms, TERM_TYPE_LONG);
    f->text = term_type_plain(terms, TERM_TYPE_STRING);
    f->numbers = term_type_set(terms, f->number);
    f->option = term_type_option(terms, f->number);
    struct term_field fields[] = {{SLICE("a"), f->number}, {SLICE("b"), f->option}};
    f->record = term_type_record(terms, fields, 2);
    f->user = term_type_entity(terms, 0, SLICE("User"), NULL, 0);
    f->color = term_type_entity(terms, 1, SLICE("Color"), COLORS, 2);
    f->p = variable(f, f->truth, "p");
    f->q = variable(f, f->truth, "q");
    f->x = variable(f, f->number, "x");
    f->y = variable(f, f->number, "y");
    f->s = variable(f, f->text, "s");
    f->t = variable(f, f->text, "t");
    f->set = variable(f, f->numbers, "set");
    f->other = variable(f, f->numbers, "other");
    f->maybe = variable(f, f->option, "maybe");
    f->it = variable(f, f->record, "it");
    f->u = variable(f, f->user, "u");
    f->c = variable(f, f->color, "c");
}

static const struct term *long_of(struct fixture *f, int64_t value)
{
    return term_number(&f->terms, f->number, value);
}

static const struct term *set_of(struct fixture *f, const struct term *a, const struct term *b)
{
    const struct term *items[] = {a, b};
    return term_set(&f->terms, f->numbers, items, b == NULL ? (a == NULL ? 0 : 1) : 2);
}

/* -- the store ----------------------------------------------------------------------------- */

TEST(same_content_is_the_same_term)
{
    struct fixture f;
    set_up(&f);
    struct terms *t = &f.terms;
    CHECK(long_of(&f, 5) == long_of(&f, 5));
    CHECK(long_of(&f, 5) != long_of(&f, 6));
    CHECK(long_of(&f, 5) != term_number(t, term_type_plain(t, TERM_TYPE_DECIMAL), 5));
    CHECK(term_text(t, SLICE("a")) == term_text(t, SLICE("a")));
    CHECK(term_text(t, SLICE("a")) != term_text(t, SLICE("b")));
    CHECK(term_text(t, SLICE("a")) != term_entity(t, f.user, SLICE("a")));
    CHECK(set_of(&f, long_of(&f, 1), long_of(&f, 2)) == set_of(&f, long_of(&f, 2), long_of(&f, 1)));
    CHECK(set_of(&f, f.x, f.x) == set_of(&f, f.x, NULL));
    CHECK(term_get(t, f.it, 0) == term_get(t, f.it, 0));
    CHECK(term_get(t, f.it, 0) != term_get(t, f.it, 1));
    CHECK(term_type_set(t, f.number) == f.numbers);
    CHECK(term_type_set(t, f.text) != f.numbers);
    CHECK(term_and(t, f.p, f.q) == term_and(t, f.q, f.p));
    struct pattern_part star[] = {{.is_wildcard = true}, {.literal = SLICE("a")}};
    struct pattern_part again[] = {{.is_wildcard = true}, {.literal = SLICE("a")}};
    struct pattern_part other[] = {{.is_wildcard = true}, {.literal = SLICE("b")}};
    CHECK(term_like(t, f.s, star, 2) == term_like(t, f.s, again, 2));
    CHECK(term_like(t, f.s, star, 2) != term_like(t, f.s, other, 2));
    CHECK(term_like(t, f.s, star, 2) != term_like(t, f.t, star, 2));
    arena_release(&f.arena);
}

TEST(operands_have_smaller_numbers)
{
    struct fixture f;
    set_up(&f);
    const struct term *chain = f.p;
    for (int i = 0; i < 100000; i++) {
        chain = term_not(&f.terms, term_equal(&f.terms, chain, i % 2 == 0 ? f.q : f.p));
    }
    CHECK(chain != NULL);
    for (size_t i = 0; i < f.terms.count; i++) {
        const struct term *term = f.terms.items[i];
        CHECK(term->number == i);
        for (size_t k = 0; k < term->item_count; k++) {
            CHECK(term->items[k]->number < i);
        }
    }
    arena_release(&f.arena);
}

TEST(a_full_store_gives_no_terms)
{
    struct arena arena;
    struct terms terms;
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    terms_init(&terms, 2, &arena);
    const struct term_type *text = term_type_plain(&terms, TERM_TYPE_STRING);
    const struct term *a = term_variable(&terms, text, SLICE("a"));
    const struct term *b = term_variable(&terms, text, SLICE("b"));
    CHECK(a != NULL && b != NULL);
    CHECK(term_variable(&terms, text, SLICE("c")) == NULL);
    CHECK(term_variable(&terms, text, SLICE("a")) == a);
    CHECK(term_equal(&terms, a, b) == NULL);
    CHECK(term_not(&terms, NULL) == NULL);
    CHECK(term_and(&terms, NULL, NULL) == NULL);
    CHECK(term_set(&terms, term_type_set(&terms, text), &a, 1) == NULL);
    arena_release(&arena);
}

/* -- folding ------------------------------------------------------------------------------- */

TEST(truths_fold)
{
    struct fixture f;
    set_up(&f);
    struct terms *t = &f.terms;
    const struct term *yes = term_truth(t, true);
    const struct term *no = term_truth(t, false);
    const struct term *p = f.p;
    const struct term *q = f.q;
    const struct term *r = variable(&f, f.truth, "r");
    CHECK(term_not(t, yes) == no);
    CHECK(term_not(t, term_not(t, p)) == p);
    CHECK(term_and(t, p, yes) == p && term_and(t, no, p) == no);
    CHECK(term_or(t, p, yes) == yes && term_or(t, no, p) == p);
    CHECK(term_and(t, p, p) == p && term_or(t, p, p) == p);
    CHECK(term_and(t, p, term_not(t, p)) == no && term_or(t, term_not(t, p), p) == yes);
    CHECK(term_and(t, term_and(t, p, q), p) == term_and(t, p, q));
    CHECK(term_and(t, term_and(t, p, q), term_not(t, p)) == no);
    CHECK(term_and(t, p, term_or(t, term_not(t, p), q)) == term_and(t, p, q));
    CHECK(term_or(t, term_or(t, p, q), term_not(t, q)) == yes);
    CHECK(term_and(t, p, q) != p && term_and(t, p, q) != term_or(t, p, q));
    CHECK(term_equal(t, p, yes) == p && term_equal(t, no, p) == term_not(t, p));
    CHECK(term_equal(t, p, term_not(t, p)) == no);
    CHECK(term_if(t, yes, p, q) == p && term_if(t, no, p, q) == q && term_if(t, r, p, p) == p);
    CHECK(term_if(t, p, yes, no) == p && term_if(t, p, no, yes) == term_not(t, p));
    CHECK(term_if(t, term_not(t, r), p, q) == term_if(t, r, q, p));
    CHECK(term_implies(t, p, p) == yes && term_implies(t, no, p) == yes);
    arena_release(&f.arena);
}

TEST(values_fold)
{
    struct fixture f;
    set_up(&f);
    struct terms *t = &f.terms;
    const struct term *yes = term_truth(t, true);
    const struct term *no = term_truth(t, false);
    const struct term *one = long_of(&f, 1);
    const struct term *two = long_of(&f, 2);
    const struct term *none = term_none(t, f.option);
    CHECK(term_equal(t, f.x, f.x) == yes && term_equal(t, one, two) == no);
    CHECK(term_equal(t, f.x, f.y) == term_equal(t, f.y, f.x) &&
          !term_equal(t, f.x, one)->is_literal);
    CHECK(term_equal(t, term_some(t, f.x), none) == no);
    CHECK(term_equal(t, term_some(t, f.x), term_some(t, one)) == term_equal(t, f.x, one));
    CHECK(term_is_some(t, none) == no && term_is_some(t, term_some(t, f.x)) == yes);
    CHECK(term_value(t, term_some(t, f.x)) == f.x && term_value(t, none)->is_literal);
    CHECK(term_equal(t, term_if(t, f.p, one, two), two) == term_not(t, f.p));
    CHECK(term_equal(t, term_entity(t, f.color, SLICE("red")), f.c)->kind == TERM_EQUAL);
    const struct term *left[] = {f.x, none};
    const struct term *right[] = {one, term_some(t, f.y)};
    const struct term *a = term_record(t, f.record, left);
    const struct term *b = term_record(t, f.record, right);
    CHECK(term_equal(t, a, b) == no && term_get(t, b, 0) == one && !a->is_literal);
    CHECK(term_get(t, term_if(t, f.p, a, b), 0) == term_if(t, f.p, f.x, one));
    CHECK(term_default(t, f.record)->is_literal && term_default(t, f.color)->as.text.len == 4);
    arena_release(&f.arena);
}

TEST(sets_fold)
{
    struct fixture f;
    set_up(&f);
    struct terms *t = &f.terms;
    const struct term *yes = term_truth(t, true);
    const struct term *no = term_truth(t, false);
    const struct term *one = long_of(&f, 1);
    const struct term *two = long_of(&f, 2);
    const struct term *three = long_of(&f, 3);
    const struct term *empty = set_of(&f, NULL, NULL);
    const struct term *pair = set_of(&f, two, one);
    CHECK(term_member(t, one, pair) == yes && term_member(t, three, pair) == no);
    CHECK(term_member(t, f.x, set_of(&f, f.x, f.y)) == yes && term_member(t, f.x, empty) == no);
    CHECK(term_member(t, f.x, set_of(&f, one, NULL)) == term_equal(t, f.x, one));
    CHECK(term_member(t, f.x, f.set)->kind == TERM_MEMBER);
    CHECK(term_subset(t, empty, f.set) == yes && term_subset(t, f.set, f.set) == yes);
    CHECK(term_subset(t, f.set, empty) == term_equal(t, f.set, empty));
    CHECK(term_subset(t, pair, set_of(&f, one, NULL)) == no);
    CHECK(term_subset(t, set_of(&f, one, NULL), pair) == yes);
    CHECK(term_subset(t, set_of(&f, one, NULL), f.set) == term_member(t, one, f.set));
    CHECK(term_subset(t, f.set, f.other)->kind == TERM_SUBSET);
    CHECK(term_meets(t, pair, set_of(&f, three, two)) == yes);
    CHECK(term_meets(t, pair, set_of(&f, three, NULL)) == no);
    CHECK(term_meets(t, f.set, empty) == no && term_meets(t, empty, f.set) == no);
    CHECK(term_meets(t, f.set, set_of(&f, one, NULL)) == term_member(t, one, f.set));
    CHECK(term_meets(t, f.set, f.other)->kind == TERM_MEETS);
    CHECK(term_equal(t, empty, set_of(&f, f.x, NULL)) == no);
    CHECK(term_equal(t, empty, f.set)->kind == TERM_EQUAL);
    arena_release(&f.arena);
}

TEST(texts_fold)
{
    struct fixture f;
    set_up(&f);
    struct terms *t = &f.terms;
    struct pattern_part parts[] = {{.literal = SLICE("ab")}, {.is_wildcard = true}};
    CHECK(term_like(t, term_text(t, SLICE("abc")), parts, 2) == term_truth(t, true));
    CHECK(term_like(t, term_text(t, SLICE("bc")), parts, 2) == term_truth(t, false));
    CHECK(term_like(t, f.s, parts, 2)->kind == TERM_LIKE);
    CHECK(term_like(t, f.s, parts, 1) == term_equal(t, f.s, term_text(t, SLICE("ab"))));
    CHECK(term_like(t, f.s, parts + 1, 1) == term_truth(t, true));
    CHECK(term_like(t, f.s, NULL, 0) == term_equal(t, f.s, term_text(t, SLICE_EMPTY)));
    arena_release(&f.arena);
}

static const struct {
    enum term_kind kind;
    int64_t a, b, result; /* a truth: 0 or 1 */
} NUMBERS[] = {
    {TERM_ADD, INT64_MAX, 1, INT64_MIN},
    {TERM_ADD, -3, 5, 2},
    {TERM_SUBTRACT, INT64_MIN, 1, INT64_MAX},
    {TERM_MULTIPLY, -4, 6, -24},
    {TERM_MULTIPLY, INT64_MAX, 2, -2},
    {TERM_DIVIDE, -7, 2, -3},
    {TERM_DIVIDE, INT64_MIN, -1, INT64_MIN},
    {TERM_REMAINDER, -7, 2, -1},
    {TERM_REMAINDER, INT64_MIN, -1, 0},
    {TERM_SHIFT_LEFT, 1, 63, INT64_MIN},
    {TERM_SHIFT_LEFT, 1, 64, 0},
    {TERM_SHIFT_LEFT, 1, -1, 0},
    {TERM_SHIFT_RIGHT, -1, 63, 1},
    {TERM_SHIFT_RIGHT, -1, 64, 0},
    {TERM_ADD_OVERFLOWS, INT64_MAX, 1, 1},
    {TERM_ADD_OVERFLOWS, INT64_MAX, 0, 0},
    {TERM_ADD_OVERFLOWS, INT64_MIN, -1, 1},
    {TERM_SUBTRACT_OVERFLOWS, 0, INT64_MIN, 1},
    {TERM_SUBTRACT_OVERFLOWS, -1, INT64_MIN, 0},
    {TERM_MULTIPLY_OVERFLOWS, INT64_MIN, -1, 1},
    {TERM_MULTIPLY_OVERFLOWS, INT64_MIN, 1, 0},
    {TERM_MULTIPLY_OVERFLOWS, INT64_C(1) << 32, INT64_C(1) << 31, 1},
    {TERM_LESS, -1, 0, 1},
    {TERM_LESS, 0, 0, 0},
    {TERM_LESS_EQUAL, 0, 0, 1},
    {TERM_LESS_EQUAL, 1, 0, 0},
    {TERM_NOT_ABOVE, -1, 0, 0},
    {TERM_NOT_ABOVE, 0, -1, 1},
};

TEST(numbers_fold)
{
    struct fixture f;
    set_up(&f);
    struct terms *t = &f.terms;
    for (size_t i = 0; i < COUNT_OF(NUMBERS); i++) {
        const struct term *result = term_calculate(t, NUMBERS[i].kind, long_of(&f, NUMBERS[i].a),
                                                   long_of(&f, NUMBERS[i].b));
        bool is_truth = NUMBERS[i].kind >= TERM_ADD_OVERFLOWS;
        CHECK(result ==
              (is_truth ? term_truth(t, NUMBERS[i].result != 0) : long_of(&f, NUMBERS[i].result)));
        CHECK(!term_calculate(t, NUMBERS[i].kind, f.x, long_of(&f, 3))->is_literal);
    }
    const struct term_type *five = term_type_bits(t, 5);
    const struct term_type *wide = term_type_bits(t, 128);
    CHECK(term_number_of(term_number(t, five, -1)) == -1);
    CHECK(term_calculate(t, TERM_ADD_OVERFLOWS, term_number(t, five, 15),
                         term_number(t, five, 1)) == term_truth(t, true));
    CHECK(term_extend(t, wide, term_number(t, five, -1)) ==
          term_bits(t, wide, (struct term_bits){0, 31}));
    CHECK(term_calculate(t, TERM_SHIFT_LEFT, term_number(t, wide, 1), term_number(t, wide, 100)) ==
          term_bits(t, wide, (struct term_bits){UINT64_C(1) << 36, 0}));
    CHECK(term_negate(t, long_of(&f, INT64_MIN)) == long_of(&f, INT64_MIN));
    CHECK(term_convert(t, term_type_plain(t, TERM_TYPE_DURATION), long_of(&f, -9)) ==
          term_number(t, term_type_plain(t, TERM_TYPE_DURATION), -9));
    arena_release(&f.arena);
}

TEST(addresses_fold)
{
    struct fixture f;
    set_up(&f);
    struct terms *t = &f.terms;
    struct cedar_ip four;
    struct cedar_ip whole;
    struct cedar_ip six;
    CHECK(cedar_ip_parse(SLICE("10.0.0.1/8"), &four) == STATUS_OK);
    CHECK(cedar_ip_parse(SLICE("10.0.0.1/32"), &whole) == STATUS_OK);
    CHECK(cedar_ip_parse(SLICE("::1"), &six) == STATUS_OK);
    const struct term *a = term_address(t, &four);
    const struct term *b = term_address(t, &six);
    CHECK(a != term_address(t, &whole) && a == term_address(t, &four));
    CHECK(term_address_part(t, TERM_IS_V4, a) == term_truth(t, true));
    CHECK(term_address_part(t, TERM_IS_V4, b) == term_truth(t, false));
    CHECK(term_address_part(t, TERM_V4_BITS, a) ==
          term_number(t, term_type_bits(t, 32), 0x0A000001));
    CHECK(term_address_part(t, TERM_V4_PREFIX, a) ==
          term_some(t, term_number(t, term_type_bits(t, 5), 8)));
    CHECK(term_address_part(t, TERM_V4_PREFIX, term_address(t, &whole))->kind == TERM_NONE);
    CHECK(term_address_part(t, TERM_V6_BITS, b) == term_number(t, term_type_bits(t, 128), 1));
    CHECK(term_address_part(t, TERM_V6_PREFIX, b)->kind == TERM_NONE);
    const struct term *open = variable(&f, term_type_plain(t, TERM_TYPE_IP), "ip");
    CHECK(term_address_part(t, TERM_V6_BITS, open)->kind == TERM_V6_BITS);
    arena_release(&f.arena);
}

TEST(known_functions_fold)
{
    struct fixture f;
    set_up(&f);
    struct terms *t = &f.terms;
    const struct term *ann = term_entity(t, f.user, SLICE("ann"));
    const struct term *bob = term_entity(t, f.user, SLICE("bob"));
    const struct term_entry entries[] = {{ann, NULL, set_of(&f, long_of(&f, 1), NULL)}};
    struct term_function known = {.kind = TERM_ANCESTORS,
                                  .entity = f.user,
                                  .result = f.numbers,
                                  .entries = entries,
                                  .entry_count = 1,
                                  .otherwise = set_of(&f, NULL, NULL)};
    struct term_function open = {.kind = TERM_ANCESTORS, .entity = f.user, .result = f.numbers};
    CHECK(term_apply(t, &known, ann, NULL) == entries[0].result);
    CHECK(term_apply(t, &known, bob, NULL) == known.otherwise);
    CHECK(term_apply(t, &known, f.u, NULL) ==
          term_if(t, term_equal(t, f.u, ann), entries[0].result, known.otherwise));
    CHECK(term_apply(t, &open, ann, NULL)->kind == TERM_APPLY);
    CHECK(term_apply(t, &open, ann, NULL) != term_apply(t, &open, bob, NULL));
    arena_release(&f.arena);
}

/* -- folding changes nothing --------------------------------------------------------------- */

#define LEAVES 3 /* of each type */
#define STEPS 40

/* Truths, numbers and sets of numbers, made one of the other. */
struct pool {
    const struct term *truths[LEAVES + STEPS], *numbers[LEAVES + STEPS], *sets[LEAVES + STEPS];
    size_t truth_count, number_count, set_count;
};

struct step {
    unsigned kind;
    size_t a, b, c;
};

static const struct term *truth_of_step(struct fixture *f, const struct pool *pool,
                                        const struct step *step)
{
    struct terms *t = &f->terms;
    const struct term *p = pool->truths[step->a % pool->truth_count];
    const struct term *q = pool->truths[step->b % pool->truth_count];
    const struct term *x = pool->numbers[step->a % pool->number_count];
    const struct term *y = pool->numbers[step->b % pool->number_count];
    const struct term *a = pool->sets[step->a % pool->set_count];
    const struct term *b = pool->sets[step->b % pool->set_count];
    switch (step->kind % 11) {
    case 0:
        return term_not(t, p);
    case 1:
    case 2:
        return term_and(t, p, q);
    case 3:
    case 4:
        return term_or(t, p, q);
    case 5:
        return term_if(t, p, q, pool->truths[step->c % pool->truth_count]);
    case 6:
        return term_equal(t, p, q);
    case 7:
        return term_equal(t, x, y);
    case 8:
        return term_calculate(t, TERM_LESS, x, y);
    case 9:
        return term_member(t, x, b);
    default:
        return step->c % 3 == 0   ? term_subset(t, a, b)
               : step->c % 3 == 1 ? term_meets(t, a, b)
                                  : term_equal(t, a, b);
    }
}

static void take(struct fixture *f, struct pool *pool, const struct step *step)
{
    struct terms *t = &f->terms;
    const struct term *p = pool->truths[step->c % pool->truth_count];
    const struct term *x = pool->numbers[step->a % pool->number_count];
    const struct term *y = pool->numbers[step->b % pool->number_count];
    switch (step->kind % 16) {
    case 11:
        pool->numbers[pool->number_count++] = term_if(t, p, x, y);
        return;
    case 12:
        pool->numbers[pool->number_count++] = term_calculate(t, TERM_ADD, x, y);
        return;
    case 13:
        pool->sets[pool->set_count++] = set_of(f, x, y);
        return;
    case 14:
        pool->sets[pool->set_count++] = set_of(f, x, NULL);
        return;
    case 15:
        x = term_if(t, p, pool->sets[step->a % pool->set_count],
                    pool->sets[step->b % pool->set_count]);
        pool->sets[pool->set_count++] = x;
        return;
    default:
        p = truth_of_step(f, pool, step);
        pool->truths[pool->truth_count++] = p;
    }
}

/* Of a term that was made of variables: the one made of their values. */
static const struct term *rebuild(struct terms *t, const struct term *term,
                                  const struct term *const *values)
{
    const struct term *items[3] = {0};
    for (size_t i = 0; i < term->item_count; i++) {
        items[i] = values[term->items[i]->number];
    }
    switch ((int)term->kind) {
    case TERM_NOT:
        return term_not(t, items[0]);
    case TERM_AND:
        return term_and(t, items[0], items[1]);
    case TERM_OR:
        return term_or(t, items[0], items[1]);
    case TERM_EQUAL:
        return term_equal(t, items[0], items[1]);
    case TERM_IF:
        return term_if(t, items[0], items[1], items[2]);
    case TERM_MEMBER:
        return term_member(t, items[0], items[1]);
    case TERM_SUBSET:
        return term_subset(t, items[0], items[1]);
    case TERM_MEETS:
        return term_meets(t, items[0], items[1]);
    case TERM_SET:
        return term_set(t, term->type, items, term->item_count);
    case TERM_ADD:
    case TERM_LESS:
        return term_calculate(t, term->kind, items[0], items[1]);
    default:
        return term;
    }
}

static void fill(struct fixture *f, struct pool *variables, struct pool *literals)
{
    static const char *const NAMES[] = {"1", "2", "3"};
    *variables = (struct pool){.truth_count = 0};
    *literals = *variables;
    for (size_t i = 0; i < LEAVES; i++) {
        const struct term *a = long_of(f, (int64_t)(check_random() % 3));
        const struct term *b = long_of(f, (int64_t)(check_random() % 3));
        variables->truths[i] = variable(f, f->truth, NAMES[i]);
        variables->numbers[i] = variable(f, f->number, NAMES[i]);
        variables->sets[i] = variable(f, f->numbers, NAMES[i]);
        literals->truths[i] = term_truth(&f->terms, check_random() % 2 == 0);
        literals->numbers[i] = a;
        literals->sets[i] = set_of(f, check_random() % 4 == 0 ? NULL : a, NULL);
        literals->sets[i] = check_random() % 2 == 0 ? set_of(f, a, b) : literals->sets[i];
    }
    variables->truth_count = variables->number_count = variables->set_count = LEAVES;
    literals->truth_count = literals->number_count = literals->set_count = LEAVES;
}

/* What variables stand for in values, by number; the rest is made of that. */
static void evaluate(struct fixture *f, const struct pool *variables, const struct pool *literals,
                     const struct term **values, size_t count)
{
    for (size_t i = 0; i < LEAVES; i++) {
        values[variables->truths[i]->number] = literals->truths[i];
        values[variables->numbers[i]->number] = literals->numbers[i];
        values[variables->sets[i]->number] = literals->sets[i];
    }
    for (size_t i = 0; i < count; i++) {
        if (values[i] == NULL) {
            values[i] = rebuild(&f->terms, f->terms.items[i], values);
        }
    }
}

static bool same_when_known(struct fixture *f)
{
    struct pool variables;
    struct pool literals;
    bool is_same = true;
    fill(f, &variables, &literals);
    for (size_t i = 0; i < STEPS; i++) {
        struct step step = {(unsigned)(check_random() % 16), check_random() % 64,
                            check_random() % 64, check_random() % 64};
        take(f, &variables, &step);
        take(f, &literals, &step);
    }
    size_t count = f->terms.count;
    const struct term **values = arena_alloc_zero(&f->arena, count, sizeof(const struct term *));
    evaluate(f, &variables, &literals, values, count);
    for (size_t i = 0; i < variables.truth_count; i++) {
        is_same = is_same && literals.truths[i]->kind == TERM_TRUTH &&
                  values[variables.truths[i]->number] == literals.truths[i];
    }
    for (size_t i = 0; i < variables.set_count; i++) {
        is_same = is_same && literals.sets[i]->is_literal &&
                  values[variables.sets[i]->number] == literals.sets[i];
    }
    return is_same;
}

TEST(folding_changes_no_value)
{
    for (int i = 0; i < 3000; i++) {
        struct fixture f;
        set_up(&f);
        CHECK(same_when_known(&f));
        arena_release(&f.arena);
    }
}

/* -- memory -------------------------------------------------------------------------------- */

static bool build_something(void *context)
{
    struct arena arena;
    struct terms t;
    (void)context;
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    terms_init(&t, TERMS_MAX, &arena);
    const struct term_type *number = term_type_plain(&t, TERM_TYPE_LONG);
    const struct term_type *option = term_type_option(&t, number);
    struct term_field field = {SLICE("a"), option};
    const struct term_type *record = term_type_record(&t, &field, 1);
    const struct term *x = term_variable(&t, number, SLICE("x"));
    const struct term *it = term_variable(&t, record, SLICE("it"));
    const struct term *a = term_get(&t, it, 0);
    const struct term *items[] = {x, term_value(&t, a)};
    const struct term *set = term_set(&t, term_type_set(&t, number), items, 2);
    const struct term *last =
        term_and(&t, term_implies(&t, term_is_some(&t, a), term_equal(&t, a, term_some(&t, x))),
                 term_member(&t, term_negate(&t, x), set));
    const struct term *all = term_if(&t, last, it, term_default(&t, record));
    arena_release(&arena);
    return all != NULL;
}

TEST(every_failed_allocation_gives_no_term)
{
    check_every_allocation(build_something, NULL);
}
