// The published JSON Schemas of the protocol, read from $AEGIS_SHARED, and those of tools.
import fs from 'node:fs/promises';
import path from 'node:path';

import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';

import { rootFolder } from './support.mjs';

const DRAFT_7 = 'http://json-schema.org/draft-07/schema#';

/** `(definition, value) => problems` by the schema of a revision; undefined when it is absent. */
export async function schemaOf(revision) {
  const shared = path.resolve(rootFolder, process.env.AEGIS_SHARED ?? '../shared');
  const text = await fs.readFile(path.join(shared, 'mcp-schema', `${revision}.json`), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const schema = JSON.parse(text);
  const ajv = new (schema.$schema === DRAFT_7 ? Ajv : Ajv2020)({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema(schema, 'mcp');
  const definitions = schema.$defs === undefined ? 'definitions' : '$defs';
  return {
    has: (definition) => schema[definitions][definition] !== undefined,
    problems: (definition, value) => {
      const validate = ajv.getSchema(`mcp#/${definitions}/${definition}`);
      return validate(value) ? [] : validate.errors.map(({ instancePath, message }) => `${instancePath} ${message}`);
    },
  };
}

/** Does the input schema of a tool take these arguments? A schema that cannot be read takes none. */
export function takesArguments(inputSchema, arguments_) {
  try {
    const ajv = new Ajv({ strict: false, validateFormats: false, validateSchema: false });
    return ajv.validate({ ...inputSchema, $schema: undefined }, arguments_);
  } catch {
    return false;
  }
}
