#include "cedar/symbolic/sexpr.h"

#include "base/buf.h"
#include "support/check.h"

#include <stdlib.h>

#define ARENA_BYTES_MAX ((size_t)256 << 20)

/* The tree written in another way: lists in <>, strings with a mark, one blank between parts. */
static void put_node(const struct sexpr *tree, uint32_t node, struct buf *out)
{
    const struct sexpr_node *it = &tree->nodes[node];
    if (it->kind != SEXPR_LIST) {
        buf_append(out, it->kind == SEXPR_STRING ? SLICE("$") : SLICE_EMPTY);
        buf_append(out, it->text);
        return;
    }
    buf_append(out, SLICE("<"));
    for (uint32_t i = 0; i < sexpr_part_count(tree, node); i++) {
        buf_append(out, i > 0 ? SLICE(" ") : SLICE_EMPTY);
        put_node(tree, sexpr_part(tree, node, i), out);
    }
    buf_append(out, SLICE(">"));
}

TEST(sexpr_reads_what_solvers_write)
{
    static const struct {
        const char *text, *tree; /* tree NULL: refused */
    } rows[] = {
        {"", ""},
        {" \r\n\t; only a comment", ""},
        {"sat", "sat"},
        {"sat\n(model)", "sat<model>"},
        {"()", "<>"},
        {"(a(b c)())", "<a <b c> <>>"},
        {"(a\"b c\"d)", "<a $b c d>"},
        {"\"say \"\"so\"\" (\"", "$say \"\"so\"\" ("},
        {"\"\"", "$"},
        {"\"\"\"\"", "$\"\""},
        {"|a (b|", "a (b"},
        {"(a ; ) \n b)", "<a b>"},
        {"#b01 k!3 (_ as-array k!3)", "#b01k!3<_ as-array k!3>"},
        {"(", NULL},
        {")", NULL},
        {"(a))", NULL},
        {"((a)", NULL},
        {"(a ; )", NULL},
        {"\"open", NULL},
        {"\"\"\"", NULL},
        {"|open", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct sexpr tree = {0};
        struct diag diag = {0};
        struct buf out;
        arena_init(&arena, ARENA_BYTES_MAX, NULL);
        buf_init(&out, 1000, NULL);
        enum status status = sexpr_read(slice_view_cstr(rows[i].text), &arena, &tree, &diag);
        CHECK_ROW(rows[i].text, status == (rows[i].tree == NULL ? STATUS_INVALID : STATUS_OK));
        CHECK_ROW(rows[i].text, status == STATUS_OK || str_eq(diag.code, "cedar.solver_answer"));
        for (uint32_t n = 0; n < tree.count; n = tree.nodes[n].end) {
            put_node(&tree, n, &out);
        }
        CHECK_ROW(rows[i].text, slice_eq(buf_view(&out), slice_view_cstr(rows[i].tree)));
        buf_release(&out);
        arena_release(&arena);
    }
}

TEST(sexpr_parts_that_there_are_not)
{
    struct arena arena;
    struct sexpr tree;
    arena_init(&arena, ARENA_BYTES_MAX, NULL);
    CHECK(sexpr_read(SLICE("(f a) g"), &arena, &tree, NULL) == STATUS_OK);
    CHECK(sexpr_part(&tree, 0, 1) == 2 && sexpr_part(&tree, 0, 2) == tree.count);
    CHECK(sexpr_part(&tree, 1, 0) == tree.count && sexpr_part(&tree, 99, 0) == tree.count);
    CHECK(sexpr_part_count(&tree, 0) == 2 && sexpr_part_count(&tree, 1) == 0);
    CHECK(sexpr_is_call(&tree, 0, SLICE("f"), 2) && !sexpr_is_call(&tree, 0, SLICE("f"), 3));
    CHECK(!sexpr_is_call(&tree, 0, SLICE("g"), 1) && !sexpr_is_call(&tree, 3, SLICE("g"), 1));
    CHECK(sexpr_is(&tree, 3, SLICE("g")) && !sexpr_is(&tree, tree.count, SLICE("g")));
    arena_release(&arena);
}

/* Brackets cost memory, never stack, and have a limit. */
TEST(sexpr_takes_any_depth_up_to_its_limit)
{
    for (uint32_t count = SEXPR_NODES_MAX; count <= SEXPR_NODES_MAX + 1; count++) {
        struct arena arena;
        struct sexpr tree;
        uint8_t *text = malloc(2 * (size_t)count);
        arena_init(&arena, ARENA_BYTES_MAX, NULL);
        memset(text, '(', count);
        memset(text + count, ')', count);
        enum status status = sexpr_read(slice_of(text, 2 * (size_t)count), &arena, &tree, NULL);
        CHECK(status == (count <= SEXPR_NODES_MAX ? STATUS_OK : STATUS_LIMIT));
        arena_release(&arena);
        free(text);
    }
}
