/** Fields of a form from the JSON schema of a tool's arguments, and the arguments from what was filled in. */
export interface Field {
  name: string;
  about: string;
  required: boolean;
  kind: "text" | "long" | "number" | "integer" | "boolean" | "choice" | "json";
  options: unknown[];
  start: string | boolean;
}
export type Filled = Record<string, string | boolean>;
export type Wrong = "empty" | "number" | "integer" | "json";

interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
  properties?: Record<string, Schema>;
  required?: string[];
  description?: string;
  default?: unknown;
  maxLength?: number;
}
const LONG = /^(text|body|content|message|code|note|description|query|html)$/;

/** A reference is followed within the schema; a choice that allows null is the other one, not required. */
function plain(schema: Schema, root: Schema): Schema {
  const name = schema.$ref?.split("/").at(-1);
  if (name && root.$defs?.[name]) return { ...plain(root.$defs[name], root), ...(schema.description ? { description: schema.description } : {}) };
  const choices = (schema.anyOf ?? schema.oneOf ?? schema.allOf)?.filter((one) => one.type !== "null");
  if (choices?.length === 1 && choices[0]) return { ...plain(choices[0], root), ...("default" in schema ? { default: schema.default } : {}), ...(schema.description ? { description: schema.description } : {}) };
  return schema;
}

function kindOf(name: string, schema: Schema): Field["kind"] {
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== "null") : schema.type;
  if (schema.enum || "const" in schema) return "choice";
  if (type === "boolean" || type === "number" || type === "integer") return type;
  if (type === "string") return LONG.test(name) && !(schema.maxLength && schema.maxLength < 120) ? "long" : "text";
  return "json";
}

/** What a person fills in for a tool. */
export function fields(parameters: unknown): Field[] {
  const root = parameters as Schema;
  return Object.entries(root.properties ?? {}).map(([name, own]) => {
    const schema = plain(own, root);
    const kind = kindOf(name, schema);
    const given = schema.default ?? ("const" in schema ? schema.const : undefined);
    const options = schema.enum ?? ("const" in schema ? [schema.const] : []);
    const start = kind === "boolean" ? given === true : given === undefined || given === null ? "" : typeof given === "string" ? given : JSON.stringify(given);
    return { name, about: schema.description ?? "", required: root.required?.includes(name) ?? false, kind, options, start };
  });
}

/** The value of one field, or what is wrong with it; undefined: left out. */
function value(field: Field, filled: string | boolean | undefined): { value?: unknown; wrong?: Wrong } {
  if (field.kind === "boolean") return { value: filled === true };
  const text = String(filled ?? "");
  if (field.kind === "choice") {
    const chosen = field.options.find((option) => String(option) === text);
    return chosen === undefined ? (field.required ? { wrong: "empty" } : {}) : { value: chosen };
  }
  if (field.kind === "text" || field.kind === "long") return text === "" && !field.required ? {} : { value: text };
  if (text.trim() === "") return field.required ? { wrong: "empty" } : {};
  if (field.kind === "json") {
    try {
      return { value: JSON.parse(text) };
    } catch {
      return { wrong: "json" };
    }
  }
  const number = Number(text.trim().replace(",", "."));
  if (!Number.isFinite(number)) return { wrong: "number" };
  return field.kind === "integer" && !Number.isInteger(number) ? { wrong: "integer" } : { value: number };
}

/** Arguments for the call, and what is wrong by field. */
export function read(of: readonly Field[], filled: Filled): { arguments: Record<string, unknown>; wrong: Record<string, Wrong> } {
  const out: Record<string, unknown> = {};
  const wrong: Record<string, Wrong> = {};
  for (const field of of) {
    const got = value(field, filled[field.name]);
    if (got.wrong) wrong[field.name] = got.wrong;
    else if (got.value !== undefined) out[field.name] = got.value;
  }
  return { arguments: out, wrong };
}
