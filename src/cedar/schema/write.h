/* write.h: a schema in another form; private to src/cedar/schema.
 *
 * Both writers order declarations and attributes by name, as the official engine does. */
#ifndef AEGIS_CEDAR_SCHEMA_WRITE_H
#define AEGIS_CEDAR_SCHEMA_WRITE_H

#include "cedar/schema/names.h"

/* Every list of one namespace, by name; in the arena. */
struct schema_sorted {
    const struct schema_common **commons;
    const struct schema_entity **entities;
    const struct schema_action **actions;
};

NODISCARD enum status schema_sort(const struct schema_namespace *namespace, struct arena *arena,
                                  struct schema_sorted *out);
NODISCARD enum status schema_sort_namespaces(const struct schema_source *source,
                                             struct arena *arena,
                                             const struct schema_namespace ***out);
NODISCARD enum status schema_sort_attributes(const struct schema_type_syntax *record,
                                             struct arena *arena,
                                             const struct schema_attribute ***out);
NODISCARD enum status schema_sort_annotations(const struct schema_annotations *annotations,
                                              struct arena *arena,
                                              const struct schema_annotation ***out);

/* json_write.c; table is NULL to write names as they are, else they are written in full. */
NODISCARD enum status schema_write_json(const struct schema_source *source,
                                        const struct schema_names_table *table, struct arena *arena,
                                        struct buf *out);

/* text_write.c; STATUS_INVALID when the schema has no text form (diagnostics). */
NODISCARD enum status schema_write_text(const struct schema_source *source, struct arena *arena,
                                        struct buf *out, struct cedar_diagnostics *diagnostics);

#endif
