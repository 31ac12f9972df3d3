/** Whether a value fits a JSON Schema, as plainly as the specification says it. A keyword that is not here is an error. */

export type Schema = boolean | { readonly [keyword: string]: unknown };

const NOTES = new Set(['$schema', '$defs', 'title', 'description', 'default', 'examples', 'then', 'else']);
type Holder = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Holder =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

export function fitsSchema(root: Schema, value: unknown, schema: Schema = root): boolean {
  if (typeof schema === 'boolean') return schema;
  const fits = (part: unknown, of: unknown = value) => fitsSchema(root, of, part as Schema);
  return Object.entries(schema).every(([keyword, rule]) => {
    const list = rule as readonly unknown[];
    switch (keyword) {
      case '$ref':
        return fits(resolve(root, String(rule)));
      case 'type':
        return hasType(value, String(rule));
      case 'enum':
        return list.some((one) => same(one, value));
      case 'const':
        return same(rule, value);
      case 'allOf':
        return list.every((part) => fits(part));
      case 'anyOf':
        return list.some((part) => fits(part));
      case 'oneOf':
        return list.filter((part) => fits(part)).length === 1;
      case 'not':
        return !fits(rule);
      case 'if':
        return fits((fits(rule) ? schema.then : schema.else) ?? true);
      case 'properties':
        return (
          !isRecord(value) ||
          Object.entries(rule as Holder).every(
            ([key, part]) => !Object.hasOwn(value, key) || fits(part, value[key]),
          )
        );
      case 'additionalProperties': {
        const known = (schema.properties ?? {}) as Holder;
        return (
          !isRecord(value) ||
          Object.keys(value).every((key) => Object.hasOwn(known, key) || fits(rule, value[key]))
        );
      }
      case 'propertyNames':
        return !isRecord(value) || Object.keys(value).every((key) => fits(rule, key));
      case 'required':
        return !isRecord(value) || list.every((key) => Object.hasOwn(value, String(key)));
      case 'minProperties':
        return !isRecord(value) || Object.keys(value).length >= Number(rule);
      case 'items':
        return !Array.isArray(value) || value.every((item) => fits(rule, item));
      case 'minItems':
        return !Array.isArray(value) || value.length >= Number(rule);
      case 'pattern':
        return typeof value !== 'string' || new RegExp(String(rule), 'u').test(value);
      case 'minLength':
        return typeof value !== 'string' || [...value].length >= Number(rule);
      case 'maxLength':
        return typeof value !== 'string' || [...value].length <= Number(rule);
      case 'minimum':
        return typeof value !== 'number' || value >= Number(rule);
      case 'maximum':
        return typeof value !== 'number' || value <= Number(rule);
      case 'exclusiveMinimum':
        return typeof value !== 'number' || value > Number(rule);
      default:
        if (NOTES.has(keyword)) return true;
        throw new Error(`no such keyword: ${keyword}`);
    }
  });
}

function resolve(root: Schema, pointer: string): unknown {
  const keys = pointer.replace(/^#\//, '').split('/');
  const found = keys.reduce<unknown>((at, key) => (at as Holder | undefined)?.[key], root);
  if (found === undefined) throw new Error(`${pointer} leads nowhere`);
  return found;
}

function hasType(value: unknown, type: string): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  return type === 'object' ? isRecord(value) : typeof value === type;
}
