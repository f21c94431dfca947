// Writes the types of the API, from openapi.json, for the page's own type check: `node types.mjs IN OUT`.

import { readFileSync, writeFileSync } from "node:fs";

const [, , source, target] = process.argv;
const { components: { schemas } } = JSON.parse(readFileSync(source, "utf8"));

function type(schema) {
    if (schema.$ref) return schema.$ref.split("/").pop();
    if (schema.oneOf) return schema.oneOf.map(type).join(" | ");
    if (schema.allOf) return schema.allOf.map(type).join(" & ");
    if (schema.enum) return schema.enum.map(word => JSON.stringify(word)).join(" | ");
    const kinds = [schema.type ?? "unknown"].flat();
    return kinds.map(kind => ofKind(kind, schema)).join(" | ");
}

function ofKind(kind, schema) {
    switch (kind) {
        case "integer": return "number";
        case "array": return `Array<${schema.items ? type(schema.items) : "unknown"}>`;
        case "object": return object(schema);
        default: return kind;
    }
}

function object({ properties, required = [], additionalProperties }) {
    if (!properties) return additionalProperties ? `Record<string, ${type(additionalProperties)}>` : "{}";
    const members = Object.entries(properties).map(([name, schema]) =>
        `${JSON.stringify(name)}${required.includes(name) ? "" : "?"}: ${type(schema)};`);
    return `{ ${members.join(" ")} }`;
}

const lines = Object.entries(schemas).map(([name, schema]) => `    type ${name} = ${type(schema)};`);
writeFileSync(target, `declare namespace Api {\n${lines.join("\n")}\n}\n`);
