#include "cedar/symbolic/smtlib.h"

#include "support/check.h"

#define ARENA_BYTES_MAX ((size_t)64 << 20)
#define SCRIPT_BYTES_MAX ((size_t)1 << 20)

struct fixture {
    struct arena arena;
    struct terms terms;
    struct buf script;
    struct diag diag;
    const struct term_type *number, *text, *user, *color, *users, *option, *record, *empty;
    const struct term *x, *y, *s, *u, *c, *group, *maybe, *it, *ip;
    struct term_function attributes, values;
};

static const struct slice COLORS[] = {SLICE_INIT("blue"), SLICE_INIT("red")};

static void set_up(struct fixture *f)
{
    struct terms *t = &f->terms;
    *f = (struct fixture){0};
    arena_init(&f->arena, ARENA_BYTES_MAX, NULL);
    buf_init(&f->script, SCRIPT_BYTES_MAX, NULL);
    terms_init(t, TERMS_MAX, &f->arena);
    f->number = term_type_plain(t, TERM_TYPE_LONG);
    f->text = term_type_plain(t, TERM_TYPE_STRING);
    f->user = term_type_entity(t, 0, SLICE("User"), NULL, 0);
    f->color = term_type_entity(t, 1, SLICE("Color"), COLORS, 2);
    f->users = term_type_set(t, f->user);
    f->option = term_type_option(t, f->text);
    struct term_field fields[] = {{SLICE("a"), f->number}, {SLICE("b"), f->option}};
    f->record = term_type_record(t, fields, 2);
    f->empty = term_type_record(t, NULL, 0);
    f->x = term_variable(t, f->number, SLICE("x"));
    f->y = term_variable(t, f->number, SLICE("y"));
    f->s = term_variable(t, f->text, SLICE("s"));
    f->u = term_variable(t, f->user, SLICE("u"));
    f->c = term_variable(t, f->color, SLICE("c"));
    f->group = term_variable(t, f->users, SLICE("group"));
    f->maybe = term_variable(t, f->option, SLICE("maybe"));
    f->it = term_variable(t, f->record, SLICE("it"));
    f->ip = term_variable(t, term_type_plain(t, TERM_TYPE_IP), SLICE("ip"));
    f->attributes =
        (struct term_function){.kind = TERM_ATTRIBUTES, .entity = f->user, .result = f->record};
    f->values =
        (struct term_function){.kind = TERM_TAG_VALUES, .entity = f->user, .result = f->number};
}

static void tear_down(struct fixture *f)
{
    buf_release(&f->script);
    arena_release(&f->arena);
}

static enum status write_script(struct fixture *f, const struct term *assertion,
                                enum cedar_solver_dialect dialect)
{
    const struct smtlib_query query = {.terms = &f->terms,
                                       .assertions = &assertion,
                                       .assertion_count = 1,
                                       .dialect = dialect,
                                       .time_ms_max = 7000,
                                       .wants_model = dialect == CEDAR_SOLVER_CVC5};
    buf_clear(&f->script);
    return smtlib_write(&query, &f->arena, &f->script, &f->diag);
}

static bool has(const struct fixture *f, const char *text)
{
    struct slice wanted = slice_view_cstr(text);
    for (size_t i = 0; i + wanted.len <= f->script.len; i++) {
        if (slice_eq(slice_sub(buf_view(&f->script), i, i + wanted.len), wanted)) {
            return true;
        }
    }
    return false;
}

/* Nothing but what the assertion is about is declared, each once, before it is used. */
TEST(smtlib_writes_a_whole_script)
{
    struct fixture f;
    set_up(&f);
    struct terms *t = &f.terms;
    const struct term *maybe = term_get(t, term_apply(t, &f.attributes, f.u, NULL), 1);
    CHECK(write_script(&f, term_is_some(t, maybe), CEDAR_SOLVER_CVC5) == STATUS_OK);
    CHECK(
        slice_eq(buf_view(&f.script),
                 SLICE("(set-option :tlimit-per 7000)\n"
                       "(set-option :strings-exp true)\n"
                       "(set-option :dag-thresh 0)\n"
                       "(set-option :produce-models true)\n"
                       "(set-logic ALL)\n"
                       "(declare-datatype Option (par (X) ((none) (some (val X)))))\n"
                       "(declare-datatype E2 ((e2 (id2 String))))\n"
                       "(declare-datatype R6 ((r6 (r6_0 (_ BitVec 64)) (r6_1 (Option String)))))\n"
                       "(declare-const t3 E2)\n"
                       "(declare-fun attributes_2_6 (E2) R6)\n"
                       "(define-fun t9 () R6 (attributes_2_6 t3))\n"
                       "(define-fun t10 () (Option String) (r6_1 t9))\n"
                       "(define-fun t11 () Bool (not (= t10 (as none (Option String)))))\n"
                       "(assert t11)\n"
                       "(check-sat)\n"
                       "(get-model)\n")));
    CHECK(write_script(&f, term_is_some(t, maybe), CEDAR_SOLVER_Z3) == STATUS_OK);
    CHECK(has(&f, "(set-option :timeout 7000)\n"));
    CHECK(!has(&f, "produce-models") && !has(&f, "get-model") && !has(&f, "strings-exp"));
    tear_down(&f);
}

/* Each row is one definition in the scripts of both dialects. */
struct row {
    const char *name, *cvc5, *z3; /* z3 NULL: the same */
    const struct term *term;
};

static void check_rows(struct fixture *f, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK_ROW(rows[i].name, write_script(f, rows[i].term, CEDAR_SOLVER_CVC5) == STATUS_OK);
        CHECK_ROW(rows[i].name, has(f, rows[i].cvc5));
        CHECK_ROW(rows[i].name, write_script(f, rows[i].term, CEDAR_SOLVER_Z3) == STATUS_OK);
        CHECK_ROW(rows[i].name, has(f, rows[i].z3 != NULL ? rows[i].z3 : rows[i].cvc5));
    }
}

TEST(smtlib_writes_operators_of_truths_and_numbers)
{
    struct fixture f;
    set_up(&f);
    struct terms *t = &f.terms;
    const struct term_type *wide = term_type_bits(t, 128);
    const struct term *less = term_calculate(t, TERM_LESS, f.x, f.y);
    const struct term *not_more = term_calculate(t, TERM_LESS_EQUAL, f.y, f.x);
    const struct row rows[] = {
        {"and", "(and t9 t10)", NULL, term_and(t, less, not_more)},
        {"or", "(or t9 t10)", NULL, term_or(t, less, not_more)},
        {"less", "(bvslt t0 t1)", NULL, less},
        {"less or equal", "(bvsle t1 t0)", NULL, not_more},
        {"equal", "(= t0 t1)", NULL, term_equal(t, f.x, f.y)},
        {"add", "(bvadd t0 t1)", NULL, term_calculate(t, TERM_ADD, f.x, f.y)},
        {"subtract", "(bvsub t0 t1)", NULL, term_calculate(t, TERM_SUBTRACT, f.x, f.y)},
        {"multiply", "(bvmul t0 t1)", NULL, term_calculate(t, TERM_MULTIPLY, f.x, f.y)},
        {"add overflows", "(bvsaddo t0 t1)",
         "(and (= (bvslt t0 #x0000000000000000) (bvslt t1 #x0000000000000000)) "
         "(distinct (bvslt t0 #x0000000000000000) (bvslt (bvadd t0 t1) #x0000000000000000)))",
         term_calculate(t, TERM_ADD_OVERFLOWS, f.x, f.y)},
        {"subtract overflows", "(bvssubo t0 t1)",
         "(and (distinct (bvslt t0 #x0000000000000000) (bvslt t1 #x0000000000000000)) "
         "(distinct (bvslt t0 #x0000000000000000) (bvslt (bvsub t0 t1) #x0000000000000000)))",
         term_calculate(t, TERM_SUBTRACT_OVERFLOWS, f.x, f.y)},
        {"multiply overflows", "(bvsmulo t0 t1)",
         "(not (and (bvsmul_noovfl t0 t1) (bvsmul_noudfl t0 t1)))",
         term_calculate(t, TERM_MULTIPLY_OVERFLOWS, f.x, f.y)},
        {"negate", "(bvneg t0)", NULL, term_negate(t, f.x)},
        {"convert", "(_ BitVec 64) t0)", NULL,
         term_convert(t, term_type_plain(t, TERM_TYPE_DURATION), f.x)},
        {"wider", "((_ zero_extend 96)", NULL,
         term_extend(t, wide, term_address_part(t, TERM_V4_BITS, f.ip))},
    };
    check_rows(&f, rows, COUNT_OF(rows));
    tear_down(&f);
}

TEST(smtlib_writes_operators_of_composed_values)
{
    struct fixture f;
    set_up(&f);
    struct terms *t = &f.terms;
    const struct term *both[] = {f.u, term_entity(t, f.user, SLICE("a"))};
    const struct term *list = term_set(t, f.users, both, 2);
    const struct term *parts[] = {f.x, f.maybe};
    const struct pattern_part glob[] = {{true, SLICE_EMPTY}, {false, SLICE("a*\\")}};
    const struct term *other = term_variable(t, f.users, SLICE("other"));
    const struct row rows[] = {
        {"member", "(set.member t3 t5)", "(select t5 t3)", term_member(t, f.u, f.group)},
        {"subset", "(set.subset t5 t11)", "(subset t5 t11)", term_subset(t, f.group, other)},
        {"meets", "(not (= (set.inter t5 t11) (as set.empty (Set E2))))",
         "(not (= (intersection t5 t11) ((as const (Array E2 Bool)) false)))",
         term_meets(t, f.group, other)},
        {"set", "(set.insert t3 t9 (as set.empty (Set E2)))",
         "(store (store ((as const (Array E2 Bool)) false) t3 true) t9 true)",
         term_equal(t, list, f.group)},
        {"empty set", "(as set.empty (Set E2))", "((as const (Array E2 Bool)) false)",
         term_equal(t, term_set(t, f.users, NULL, 0), f.group)},
        {"record", "(r6 t0 t6)", NULL, term_equal(t, f.it, term_record(t, f.record, parts))},
        {"empty record", "R7 r7)", NULL,
         term_equal(t, term_variable(t, f.empty, SLICE("nothing")), term_record(t, f.empty, NULL))},
        {"field", "(r6_0 t7)", NULL, term_get(t, f.it, 0)},
        {"some", "(some t2)", NULL, term_equal(t, f.maybe, term_some(t, f.s))},
        {"none", "(as none (Option String))", NULL, term_equal(t, f.maybe, term_none(t, f.option))},
        {"value", "(val t6)", NULL, term_value(t, f.maybe)},
        {"tag", "(tagvalues_2_0 t3 t2)", NULL, term_apply(t, &f.values, f.u, f.s)},
        {"like", "(str.in_re t2 (re.++ (re.* re.allchar) (str.to_re \"a*\\u{5c}\")))", NULL,
         term_like(t, f.s, glob, 2)},
        {"id", "(e2 \"a\")", NULL, term_equal(t, f.u, both[1])},
        {"id of an enumerated type", "e3_1)", NULL,
         term_equal(t, f.c, term_entity(t, f.color, SLICE("red")))},
        {"address", "(v4_bits t8)", NULL, term_address_part(t, TERM_V4_BITS, f.ip)},
    };
    check_rows(&f, rows, COUNT_OF(rows));
    tear_down(&f);
}

TEST(smtlib_writes_texts_and_addresses)
{
    struct fixture f;
    set_up(&f);
    static const struct {
        const char *name;
        struct slice text;
        const char *written; /* NULL: refused */
    } rows[] = {
        {"plain", SLICE_INIT("a b~"), "\"a b~\""},
        {"quote", SLICE_INIT("a\"b"), "\"a\"\"b\""},
        {"backslash", SLICE_INIT("\\u{61}"), "\"\\u{5c}u{61}\""},
        {"control", SLICE_INIT("\0\n\x7F"), "\"\\u{0}\\u{a}\\u{7f}\""},
        {"two bytes", SLICE_INIT("\xC3\xA9"), "\"\\u{e9}\""},
        {"last that fits", SLICE_INIT("\xF0\xAF\xBF\xBF"), "\"\\u{2ffff}\""},
        {"one beyond", SLICE_INIT("a\xF0\xB0\x80\x80"), NULL},
        {"last of Unicode", SLICE_INIT("\xF4\x8F\xBF\xBF"), NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct term *equal = term_equal(&f.terms, f.s, term_text(&f.terms, rows[i].text));
        enum status status = write_script(&f, equal, CEDAR_SOLVER_CVC5);
        bool is_fit = rows[i].written != NULL;
        CHECK_ROW(rows[i].name, status == (is_fit ? STATUS_OK : STATUS_INVALID));
        CHECK_ROW(rows[i].name, !is_fit || has(&f, rows[i].written));
        CHECK_ROW(rows[i].name, is_fit || str_eq(f.diag.code, "cedar.solver_text"));
    }
    static const struct {
        const char *text, *written;
    } addresses[] = {
        {"192.0.2.1", "(V4 #b11000000000000000000001000000001 "
                      "(as none (Option (_ BitVec 5))))"},
        {"10.0.0.1/8", "(V4 #b00001010000000000000000000000001 (some #b01000))"},
        {"10.0.0.0/32", "(as none (Option (_ BitVec 5))))"},
        {"::1/127", "0001 (some #b1111111))"},
        {"8000::/0", "(V6 #b1000"},
    };
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        struct cedar_ip ip;
        CHECK(cedar_ip_parse(slice_view_cstr(addresses[i].text), &ip) == STATUS_OK);
        const struct term *equal = term_equal(&f.terms, f.ip, term_address(&f.terms, &ip));
        CHECK(write_script(&f, equal, CEDAR_SOLVER_CVC5) == STATUS_OK);
        CHECK_ROW(addresses[i].text, has(&f, addresses[i].written));
    }
    tear_down(&f);
}

static bool write_and_release(void *context)
{
    struct fixture *f = context;
    const struct term *assertion = term_equal(&f->terms, f->x, f->y);
    struct arena arena;
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    const struct smtlib_query query = {
        .terms = &f->terms, .assertions = &assertion, .assertion_count = 1, .time_ms_max = 1};
    struct buf script;
    buf_init(&script, SCRIPT_BYTES_MAX, NULL);
    enum status status = smtlib_write(&query, &arena, &script, NULL);
    buf_release(&script);
    arena_release(&arena);
    CHECK(status == STATUS_OK || status == STATUS_LIMIT);
    return status == STATUS_OK;
}

TEST(smtlib_survives_every_failed_allocation)
{
    struct fixture f;
    set_up(&f);
    (void)term_equal(&f.terms, f.x, f.y);
    check_every_allocation(write_and_release, &f);
    tear_down(&f);
}
