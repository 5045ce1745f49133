#include "cedar/symbolic/model.h"

#include "support/check.h"

#define ARENA_BYTES_MAX ((size_t)256 << 20)
#define ANSWER_BYTES_MAX ((size_t)8 << 20)

/* Variables that the answers are about; numbers of types and terms are those of their making. */
struct fixture {
    struct arena arena;
    struct terms terms;
    struct diag diag;
    const struct term_type *truth, *number, *text, *user, *color, *users, *colors, *groups, *option,
        *record, *empty;
    const struct term *p, *x, *s, *u, *c, *list, *nested, *maybe, *it, *ip, *nothing, *palette;
    struct term_function attributes, values, flags, known;
    struct term_entry entry;
};

static const struct slice COLORS[] = {SLICE_INIT("blue"), SLICE_INIT("red")};

static void make_types(struct fixture *f)
{
    struct terms *t = &f->terms;
    f->truth = term_type_plain(t, TERM_TYPE_BOOL);                /* 0 */
    f->number = term_type_plain(t, TERM_TYPE_LONG);               /* 1 */
    f->text = term_type_plain(t, TERM_TYPE_STRING);               /* 2 */
    f->user = term_type_entity(t, 0, SLICE("User"), NULL, 0);     /* 3 */
    f->color = term_type_entity(t, 1, SLICE("Color"), COLORS, 2); /* 4 */
    f->users = term_type_set(t, f->user);                         /* 5 */
    f->colors = term_type_set(t, f->color);                       /* 6 */
    f->groups = term_type_set(t, f->colors);                      /* 7 */
    f->option = term_type_option(t, f->text);                     /* 8 */
    struct term_field fields[] = {{SLICE("a"), f->number}, {SLICE("b"), f->option}};
    f->record = term_type_record(t, fields, 2); /* 9 */
    f->empty = term_type_record(t, NULL, 0);    /* 10 */
}

static void set_up(struct fixture *f)
{
    struct terms *t = &f->terms;
    *f = (struct fixture){0};
    arena_init(&f->arena, ARENA_BYTES_MAX, NULL);
    terms_init(t, TERMS_MAX, &f->arena);
    make_types(f);
    f->p = term_variable(t, f->truth, SLICE("p"));                           /* t0 */
    f->x = term_variable(t, f->number, SLICE("x"));                          /* t1 */
    f->s = term_variable(t, f->text, SLICE("s"));                            /* t2 */
    f->u = term_variable(t, f->user, SLICE("u"));                            /* t3 */
    f->c = term_variable(t, f->color, SLICE("c"));                           /* t4 */
    f->list = term_variable(t, f->users, SLICE("list"));                     /* t5 */
    f->nested = term_variable(t, f->groups, SLICE("nested"));                /* t6 */
    f->maybe = term_variable(t, f->option, SLICE("maybe"));                  /* t7 */
    f->it = term_variable(t, f->record, SLICE("it"));                        /* t8 */
    f->ip = term_variable(t, term_type_plain(t, TERM_TYPE_IP), SLICE("ip")); /* t9 */
    f->nothing = term_variable(t, f->empty, SLICE("nothing"));               /* t10 */
    f->palette = term_variable(t, f->colors, SLICE("palette"));              /* t11 */
    f->attributes = (struct term_function){TERM_ATTRIBUTES, f->user, f->record, NULL, 0, NULL};
    f->values = (struct term_function){TERM_TAG_VALUES, f->user, f->number, NULL, 0, NULL};
    f->flags = (struct term_function){TERM_TAG_VALUES, f->color, f->truth, NULL, 0, NULL};
    f->entry = (struct term_entry){term_entity(t, f->color, SLICE("red")), NULL,
                                   term_set(t, f->colors, NULL, 0)};
    f->known =
        (struct term_function){TERM_ANCESTORS, f->color, f->colors, &f->entry, 1, f->entry.result};
}

/* The value of a term under an answer's model; NULL when it is refused. */
static const struct term *value_of(struct fixture *f, const char *answer, const struct term *term)
{
    struct model model;
    enum model_verdict verdict = MODEL_UNKNOWN;
    const struct term *value = NULL;
    f->diag = (struct diag){0};
    enum status status =
        model_read(slice_view_cstr(answer), &f->terms, &f->arena, &verdict, &model, &f->diag);
    CHECK(status == STATUS_OK && verdict == MODEL_SAT);
    return status == STATUS_OK && verdict == MODEL_SAT &&
                   model_evaluate(&model, term, &value, &f->diag) == STATUS_OK
               ? value
               : NULL;
}

static const struct term *user(struct fixture *f, const char *id)
{
    return term_entity(&f->terms, f->user, slice_view_cstr(id));
}

static const struct term *color(struct fixture *f, const char *id)
{
    return term_entity(&f->terms, f->color, slice_view_cstr(id));
}

static const struct term *set_of(struct fixture *f, const struct term_type *type,
                                 const struct term *a, const struct term *b)
{
    const struct term *items[] = {a, b};
    return term_set(&f->terms, type, items, a == NULL ? 0 : b == NULL ? 1 : 2);
}

static const struct term *record_of(struct fixture *f, int64_t a, const struct term *b)
{
    const struct term *items[] = {term_number(&f->terms, f->number, a), b};
    return term_record(&f->terms, f->record, items);
}

static const struct term *address(struct fixture *f, const char *text)
{
    struct cedar_ip ip;
    CHECK(cedar_ip_parse(slice_view_cstr(text), &ip) == STATUS_OK);
    return term_address(&f->terms, &ip);
}

TEST(model_verdicts)
{
    static const struct {
        const char *answer;
        enum status status;
        enum model_verdict verdict;
    } rows[] = {
        {"unsat\n", STATUS_OK, MODEL_UNSAT},
        {"unsat\n(error \"no model\")", STATUS_OK, MODEL_UNSAT},
        {"unknown\n((define-fun t1 () Bool true))", STATUS_OK, MODEL_UNKNOWN},
        {"sat\n()", STATUS_OK, MODEL_SAT},
        {"sat", STATUS_OK, MODEL_SAT},
        {"sat (model (define-fun))", STATUS_OK, MODEL_SAT},
        {"", STATUS_INVALID, MODEL_UNKNOWN},
        {"satt", STATUS_INVALID, MODEL_UNKNOWN},
        {"\"unsat\"", STATUS_INVALID, MODEL_UNKNOWN},
        {"(unsat)", STATUS_INVALID, MODEL_UNKNOWN},
        {"(error \"Parse Error\")\nunsat", STATUS_INVALID, MODEL_UNKNOWN},
        {"warning\nunsat", STATUS_INVALID, MODEL_UNKNOWN},
        {"unsat (", STATUS_INVALID, MODEL_UNKNOWN},
    };
    struct fixture f;
    set_up(&f);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct model model;
        enum model_verdict verdict = MODEL_UNSAT;
        struct diag diag = {0};
        CHECK_ROW(rows[i].answer, model_read(slice_view_cstr(rows[i].answer), &f.terms, &f.arena,
                                             &verdict, &model, &diag) == rows[i].status);
        CHECK_ROW(rows[i].answer, verdict == rows[i].verdict);
        CHECK_ROW(rows[i].answer,
                  rows[i].status == STATUS_OK || str_eq(diag.code, "cedar.solver_answer"));
    }
    arena_release(&f.arena);
}

#define FUN(name, sort, body) "sat ((define-fun " name " () " sort " " body "))"
#define ZEROS60 "000000000000000000000000000000000000000000000000000000000000"

struct value_row {
    const char *answer;
    const struct term *term, *value;
};

static void check_values(struct fixture *f, const struct value_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK_ROW(rows[i].answer, value_of(f, rows[i].answer, rows[i].term) == rows[i].value);
    }
}

/* As cvc5 1.0.3 and z3 4.8.12 write them. */
TEST(model_reads_values)
{
    struct fixture f;
    set_up(&f);
    struct terms *t = &f.terms;
    const struct term *none = term_none(t, f.option);
    const struct value_row rows[] = {
        {"sat ()", f.x, term_number(t, f.number, 0)},
        {"sat ()", f.it, record_of(&f, 0, none)},
        {FUN("t0", "Bool", "true"), f.p, term_truth(t, true)},
        {FUN("t1", "(_ BitVec 64)", "#b0000" ZEROS60), f.x, term_number(t, f.number, 0)},
        {FUN("t1", "(_ BitVec 64)", "#b1000" ZEROS60), f.x, term_number(t, f.number, INT64_MIN)},
        {FUN("t1", "(_ BitVec 64)", "#xffffffffffffFFFE"), f.x, term_number(t, f.number, -2)},
        {FUN("t2", "String", "\"a\"\"\\u{e9}\\u00e9\\x\\u{}\""), f.s,
         term_text(t, SLICE("a\"\xC3\xA9\xC3\xA9\\x\\u{}"))},
        {FUN("t2", "String", "(seq.unit (_ Char 233))"), f.s, term_text(t, SLICE("\xC3\xA9"))},
        {FUN("t2", "String", "(str.++ \"k\" (seq.unit (_ Char 233)) \"y\")"), f.s,
         term_text(t, SLICE("k\xC3\xA9y"))},
        {FUN("t3", "E3", "(e3 \"bob\")"), f.u, user(&f, "bob")},
        {FUN("t4", "E4", "e4_1"), f.c, color(&f, "red")},
        {FUN("t7", "(Option String)", "(as none (Option String))"), f.maybe, none},
        {FUN("t7", "(Option String)", "none"), f.maybe, none},
        {FUN("t7", "(Option String)", "((as some (Option String)) \"q\")"), f.maybe,
         term_some(t, term_text(t, SLICE("q")))},
        {FUN("t7", "(Option String)", "(some \"q\")"), f.maybe,
         term_some(t, term_text(t, SLICE("q")))},
        {FUN("t8", "R9", "(r9 #x0000000000000007 none)"), f.it, record_of(&f, 7, none)},
        {FUN("t9", "Ip", "(V4 #x0a000001 (as none (Option (_ BitVec 5))))"), f.ip,
         address(&f, "10.0.0.1")},
        {FUN("t9", "Ip", "(V4 #x0a000001 (some #b01000))"), f.ip, address(&f, "10.0.0.1/8")},
        {FUN("t9", "Ip", "(V6 #x20010db8000000000000000000000001 (some #b0100000))"), f.ip,
         address(&f, "2001:db8::1/32")},
        {FUN("t10", "R10", "r10"), f.nothing, term_record(t, f.empty, NULL)},
        {FUN("t0", "Bool", "(ite (not false) (and true true) false)"), f.p, term_truth(t, true)},

    };
    check_values(&f, rows, COUNT_OF(rows));
    arena_release(&f.arena);
}

TEST(model_reads_sets)
{
    struct fixture f;
    set_up(&f);
    const struct term *blue = set_of(&f, f.colors, color(&f, "blue"), NULL);
    const struct term *both = set_of(&f, f.colors, color(&f, "blue"), color(&f, "red"));
    const struct value_row rows[] = {
        {FUN("t5", "(Set E3)", "(as set.empty (Set E3))"), f.list, set_of(&f, f.users, NULL, NULL)},
        {FUN("t5", "(Set E3)", "(set.union (set.singleton (e3 \"a\")) (set.singleton (e3 \"b\")))"),
         f.list, set_of(&f, f.users, user(&f, "a"), user(&f, "b"))},
        {FUN("t5", "(Set E3)",
             "(set.insert (e3 \"a\") (e3 \"b\") (set.union (as set.empty (Set E3)) "
             "(set.singleton (e3 \"a\"))))"),
         f.list, set_of(&f, f.users, user(&f, "a"), user(&f, "b"))},
        {FUN("t6", "(Set (Set E4))",
             "(set.union (set.singleton (set.singleton e4_0)) "
             "(set.singleton (set.union (set.singleton e4_1) (set.singleton e4_0))))"),
         f.nested, set_of(&f, f.groups, blue, both)},
        {FUN("t5", "(Array E3 Bool)", "((as const (Array E3 Bool)) false)"), f.list,
         set_of(&f, f.users, NULL, NULL)},
        /* Nobody has a set of all: of the rest that is in it which somebody mentions. */
        {FUN("t11", "(Array E4 Bool)", "(store ((as const (Array E4 Bool)) true) e4_1 false)"),
         f.palette, blue},
        {FUN("t5", "(Array E3 Bool)",
             "(store (store (store ((as const (Array E3 Bool)) false) (e3 \"a\") true) "
             "(e3 \"b\") true) (e3 \"b\") false)"),
         f.list, set_of(&f, f.users, user(&f, "a"), NULL)},
        {FUN("t5", "(Array E3 Bool)",
             "(lambda ((x!1 E3)) (or (= x!1 (e3 \"a\")) (= (e3 \"b\") x!1)))"),
         f.list, set_of(&f, f.users, user(&f, "a"), user(&f, "b"))},
        {FUN("t5", "(Array E3 Bool)",
             "(lambda ((x!1 E3)) (and (not (= x!1 (e3 \"a\"))) (= (e3 \"b\") x!1)))"),
         f.list, set_of(&f, f.users, user(&f, "b"), NULL)},
        {"sat ((define-fun t6 () (Array (Array E4 Bool) Bool) (_ as-array k!5))"
         " (define-fun k!5 ((x!0 (Array E4 Bool))) Bool"
         " (or (= x!0 (store ((as const (Array E4 Bool)) false) e4_0 true))"
         " (= x!0 (lambda ((x!1 E4)) (or (= x!1 e4_0) (= x!1 e4_1)))))))",
         f.nested, set_of(&f, f.groups, blue, both)},
    };
    check_values(&f, rows, COUNT_OF(rows));
    arena_release(&f.arena);
}

TEST(model_refuses_what_is_of_no_type)
{
    struct fixture f;
    set_up(&f);
    const struct {
        const char *answer;
        const struct term *term;
    } rows[] = {
        {FUN("t0", "Bool", "maybe"), f.p},
        {FUN("t0", "Bool", "()"), f.p},
        {FUN("t0", "Bool", "(= true true)"), f.p},
        {FUN("t0", "Bool", "(and)"), f.p},
        {FUN("t0", "Bool", "(let ((a true)) a)"), f.p},
        {FUN("t1", "(_ BitVec 64)", "#b0"), f.x},
        {FUN("t1", "(_ BitVec 64)", "#x00000000000000000"), f.x},
        {FUN("t1", "(_ BitVec 64)", "#b2000" ZEROS60), f.x},
        {FUN("t1", "(_ BitVec 64)", "#x000000000000000g"), f.x},
        {FUN("t1", "(_ BitVec 64)", "7"), f.x},
        {FUN("t1", "(_ BitVec 64)", "(bvadd #x0000000000000000 #x0000000000000000)"), f.x},
        {FUN("t1", "(_ BitVec 64)", "t1"), f.x},
        {FUN("t2", "String", "\"\\u{d800}\""), f.s},
        {FUN("t2", "String", "\"\xFF\""), f.s},
        {FUN("t2", "String", "a"), f.s},
        {FUN("t2", "String", "(seq.unit (_ Char 55296))"), f.s},
        {FUN("t2", "String", "(seq.unit (_ Char -1))"), f.s},
        {FUN("t2", "String", "(seq.unit x)"), f.s},
        {FUN("t2", "String", "(str.++)"), f.s},
        {FUN("t2", "String", "(str.++ \"a\" b)"), f.s},
        {FUN("t3", "E3", "(e4 \"bob\")"), f.u},
        {FUN("t3", "E3", "(e3)"), f.u},
        {FUN("t3", "E3", "e3"), f.u},
        {FUN("t3", "E3", "(e3 #b0)"), f.u},
        {FUN("t4", "E4", "e4_2"), f.c},
        {FUN("t4", "E4", "e4_"), f.c},
        {FUN("t4", "E4", "e4"), f.c},
        {FUN("t4", "E4", "e3_1"), f.c},
        {FUN("t4", "E4", "(e4_1)"), f.c},
        {FUN("t5", "(Set E3)", "(set.union)"), f.list},
        {FUN("t5", "(Set E3)", "(set.union (set.singleton e4_0) (as set.empty (Set E3)))"), f.list},
        {FUN("t5", "(Set E3)", "(set.complement (as set.empty (Set E3)))"), f.list},
        {FUN("t5", "(Set E3)", "set.universe"), f.list},
        {FUN("t5", "(Set E3)", "(as other (Set E3))"), f.list},
        {FUN("t5", "(Array E3 Bool)", "(lambda () true)"), f.list},
        {FUN("t5", "(Array E3 Bool)", "(_ as-array t5)"), f.list},
        {FUN("t5", "(Array E3 Bool)", "(_ as-array k)"), f.list},
        {FUN("t7", "(Option String)", "some"), f.maybe},
        {FUN("t7", "(Option String)", "(some)"), f.maybe},
        {FUN("t7", "(Option String)", "(some #b0)"), f.maybe},
        {FUN("t8", "R9", "(r9 #x0000000000000007)"), f.it},
        {FUN("t8", "R9", "(r9 none #x0000000000000007)"), f.it},
        {FUN("t8", "R9", "r9"), f.it},
        {FUN("t9", "Ip", "(V4 #x0a000001)"), f.ip},
        {FUN("t9", "Ip", "(V4 #x0a000001 (some #b010000))"), f.ip},
        {FUN("t9", "Ip", "(V6 #x0a000001 none)"), f.ip},
        {FUN("t10", "R10", "r9"), f.nothing},
        {FUN("t0", "Bool", "(ite true true)"), f.p},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].answer, value_of(&f, rows[i].answer, rows[i].term) == NULL);
        CHECK_ROW(rows[i].answer, str_eq(f.diag.code, "cedar.solver_answer"));
    }
    arena_release(&f.arena);
}

#define CVC5_VALUES                                                                                \
    "sat ((define-fun tagvalues_3_1 ((_arg_1 E3) (_arg_2 String)) (_ BitVec 64) "                  \
    "(ite (= (e3 \"a\") _arg_1) (ite (= \"k\" _arg_2) #x0000000000000001 #x0000000000000002) "     \
    "(ite (= (e3 \"b\") _arg_1) #x0000000000000003 #x0000000000000004))))"
#define Z3_VALUES                                                                                  \
    "sat ((define-fun tagvalues_3_1 ((x!0 E3) (x!1 String)) (_ BitVec 64) "                        \
    "(ite (and (= x!0 (e3 \"a\")) (= x!1 (seq.unit (_ Char 107)))) #x0000000000000001 "            \
    "(ite (= x!0 (e3 \"a\")) #x0000000000000002 "                                                  \
    "(ite (= x!0 (e3 \"b\")) #x0000000000000003 #x0000000000000004)))))"

/* Functions are known for every argument, also for those of which the model says nothing. */
TEST(model_applies_functions)
{
    static const struct {
        const char *id, *tag;
        int64_t value;
    } rows[] = {
        {"a", "k", 1},
        {"a", "x", 2},
        {"b", "k", 3},
        {"c", "k", 4},
    };
    static const char *const ANSWERS[] = {CVC5_VALUES, Z3_VALUES};
    struct fixture f;
    set_up(&f);
    for (size_t i = 0; i < COUNT_OF(rows) * COUNT_OF(ANSWERS); i++) {
        const char *id = rows[i / 2].id;
        const struct term *applied =
            term_apply(&f.terms, &f.values, user(&f, id),
                       term_text(&f.terms, slice_view_cstr(rows[i / 2].tag)));
        CHECK_ROW(id, value_of(&f, ANSWERS[i % 2], applied) ==
                          term_number(&f.terms, f.number, rows[i / 2].value));
        /* No word about it: a default. */
        CHECK_ROW(id, value_of(&f, "sat ()", applied) == term_number(&f.terms, f.number, 0));
    }
    struct model model;
    enum model_verdict verdict = MODEL_UNKNOWN;
    const struct term *value = NULL;
    const char *answer = "sat ((define-fun tagvalues_4_0 ((a E4) (b String)) Bool"
                         " (or (= e4_1 a) (= \"q\" b))))";
    CHECK(model_read(slice_view_cstr(answer), &f.terms, &f.arena, &verdict, &model, NULL) ==
          STATUS_OK);
    CHECK(model_apply(&model, &f.flags, color(&f, "blue"), term_text(&f.terms, SLICE("q")), &value,
                      NULL) == STATUS_OK);
    CHECK(value == term_truth(&f.terms, true));
    CHECK(model_apply(&model, &f.flags, color(&f, "blue"), term_text(&f.terms, SLICE("k")), &value,
                      NULL) == STATUS_OK);
    CHECK(value == term_truth(&f.terms, false));
    CHECK(model_apply(&model, &f.known, color(&f, "red"), NULL, &value, NULL) == STATUS_OK);
    CHECK(value == set_of(&f, f.colors, NULL, NULL));
    arena_release(&f.arena);
}

/* What terms are under a model, through every kind of operator. */
TEST(model_evaluates_terms)
{
    struct fixture f;
    set_up(&f);
    struct terms *t = &f.terms;
    const char *answer =
        "sat ((define-fun t0 () Bool true) (define-fun t1 () (_ BitVec 64) #x0000000000000005)"
        " (define-fun t2 () String \"key\") (define-fun t3 () E3 (e3 \"a\"))"
        " (define-fun t5 () (Set E3) (set.singleton (e3 \"a\")))"
        " (define-fun t7 () (Option String) (some \"v\"))"
        " (define-fun t9 () Ip (V4 #x0a000001 (some #b01000)))"
        " (define-fun attributes_3_9 ((e E3)) R9"
        "  (ite (= e (e3 \"a\")) (r9 #x0000000000000009 none) (r9 #x0000000000000001 none))))";
    const struct term *five = term_number(t, f.number, 5);
    const struct term *a = term_get(t, term_apply(t, &f.attributes, f.u, NULL), 0);
    const struct term_type *duration = term_type_plain(t, TERM_TYPE_DURATION);
    const struct term_type *wide = term_type_bits(t, 64);
    const struct pattern_part glob[] = {{false, SLICE("k")}, {true, SLICE_EMPTY}};
    const struct term *parts[] = {f.x, f.maybe};
    const struct {
        const char *name;
        const struct term *term, *value;
    } rows[] = {
        {"attribute", a, term_number(t, f.number, 9)},
        {"sum", term_calculate(t, TERM_ADD, f.x, a), term_number(t, f.number, 14)},
        {"negative", term_negate(t, f.x), term_number(t, f.number, -5)},
        {"less", term_calculate(t, TERM_LESS, a, f.x), term_truth(t, false)},
        {"choice", term_if(t, f.p, f.x, a), five},
        {"and", term_and(t, f.p, term_calculate(t, TERM_LESS, f.x, a)), term_truth(t, true)},
        {"or", term_or(t, term_not(t, f.p), term_equal(t, f.x, a)), term_truth(t, false)},
        {"member", term_member(t, f.u, f.list), term_truth(t, true)},
        {"value", term_value(t, f.maybe), term_text(t, SLICE("v"))},
        {"is some", term_is_some(t, f.maybe), term_truth(t, true)},
        {"like", term_like(t, f.s, glob, 2), term_truth(t, true)},
        {"converted", term_convert(t, duration, f.x), term_number(t, duration, 5)},
        {"record", term_record(t, f.record, parts),
         record_of(&f, 5, term_some(t, term_text(t, SLICE("v"))))},
        {"bits", term_extend(t, wide, term_address_part(t, TERM_V4_BITS, f.ip)),
         term_bits(t, wide, (struct term_bits){0, 0x0a000001})},
        {"is IPv4", term_address_part(t, TERM_IS_V4, f.ip), term_truth(t, true)},
        {"literal", five, five},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        CHECK_ROW(rows[i].name, value_of(&f, answer, rows[i].term) == rows[i].value);
    }
    arena_release(&f.arena);
}

static void put_many(struct buf *out, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append(out, slice_view_cstr(text));
    }
}

/* A chain of choices or unions may be as long as it likes, nesting of other things may not. */
TEST(model_is_read_within_limits)
{
    enum { MANY = 20000 };
    static const struct {
        const char *name, *head, *open, *middle, *close;
        size_t count;
        bool is_read;
    } rows[] = {
        {"choices", "t0", "(ite false true ", "true", ")", MANY, true},
        {"unions", "t5", "(set.union (set.singleton (e3 \"a\")) ", "(set.singleton (e3 \"b\"))",
         ")", MANY, true},
        {"unions to the left", "t5", "(set.union ", "(set.singleton (e3 \"b\"))",
         " (set.singleton (e3 \"a\")))", MANY, true},
        {"negations", "t0", "(not ", "true", ")", MODEL_DEPTH_MAX - 1, true},
        {"too many negations", "t0", "(not ", "true", ")", MODEL_DEPTH_MAX, false},
        {"conditions", "t0", "(ite ", "true", " true true)", MANY, false},
    };
    struct fixture f;
    set_up(&f);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf answer;
        buf_init(&answer, ANSWER_BYTES_MAX, NULL);
        put_many(&answer, "sat ((define-fun ", 1);
        put_many(&answer, rows[i].head, 1);
        put_many(&answer, " () S ", 1);
        put_many(&answer, rows[i].open, rows[i].count);
        put_many(&answer, rows[i].middle, 1);
        put_many(&answer, rows[i].close, rows[i].count);
        put_many(&answer, "))", 1);
        buf_append_byte(&answer, '\0');
        const struct term *term = str_eq(rows[i].head, "t0") ? f.p : f.list;
        CHECK_ROW(rows[i].name,
                  (value_of(&f, (const char *)answer.ptr, term) != NULL) == rows[i].is_read);
        buf_release(&answer);
    }
    arena_release(&f.arena);
}

/* Sets that are defined through each other in a circle end. */
TEST(model_definitions_may_not_go_on_for_ever)
{
    struct fixture f;
    set_up(&f);
    CHECK(value_of(&f,
                   "sat ((define-fun t6 () S (_ as-array k)) (define-fun k ((x S)) Bool"
                   " (= x (_ as-array k))))",
                   f.nested) == NULL);
    arena_release(&f.arena);
}

/* A formula is evaluated for each candidate, so its cost multiplies: every step is counted. */
TEST(model_is_read_in_a_number_of_steps)
{
    static const char ANSWER[] =
        "sat ((define-fun t5 () S (lambda ((x E3)) (or (= x (e3 \"a\")) (= x (e3 \"b\"))))))";
    struct fixture f;
    set_up(&f);
    size_t steps = 0;
    for (enum status status = STATUS_LIMIT; status != STATUS_OK && steps < 1000; steps++) {
        struct model model;
        enum model_verdict verdict = MODEL_UNKNOWN;
        const struct term *value = NULL;
        f.diag = (struct diag){0};
        CHECK(model_read(slice_view_cstr(ANSWER), &f.terms, &f.arena, &verdict, &model, NULL) ==
              STATUS_OK);
        CHECK(model.steps_left == MODEL_STEPS_MAX);
        model.steps_left = steps;
        status = model_evaluate(&model, f.list, &value, &f.diag);
        CHECK(status == STATUS_OK || str_eq(f.diag.code, "cedar.solver_answer"));
        CHECK(status == STATUS_OK || status == STATUS_LIMIT);
    }
    CHECK(steps > 20 && steps < 1000);
    arena_release(&f.arena);
}

static bool read_and_evaluate(void *context)
{
    struct fixture f;
    enum status status = STATUS_LIMIT;
    struct model model;
    enum model_verdict verdict = MODEL_UNKNOWN;
    const struct term *value = NULL;
    (void)context;
    check_pause_failures(true);
    set_up(&f);
    const struct term *applied =
        term_apply(&f.terms, &f.values, f.u, term_text(&f.terms, SLICE("k")));
    check_pause_failures(false);
    status = model_read(SLICE(CVC5_VALUES), &f.terms, &f.arena, &verdict, &model, NULL);
    if (status == STATUS_OK) {
        status = model_evaluate(&model, applied, &value, NULL);
    }
    CHECK(status == STATUS_OK || status == STATUS_LIMIT);
    CHECK(status != STATUS_OK || term_number_of(value) == 4);
    arena_release(&f.arena);
    return status == STATUS_OK;
}

TEST(model_survives_every_failed_allocation)
{
    check_every_allocation(read_and_evaluate, NULL);
}
