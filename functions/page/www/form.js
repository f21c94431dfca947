// The form of a person's fields, with the errors that the service finds tied to them.

import { act, choices, clone, part, piece } from "./dom.js";
import { memberName, roleName, ROLES } from "./words.js";

/**
 * A field: member, kind of input, longest value.
 * @typedef {[name: string, kind: string, longest: number]} Field
 */

/** @type {Record<Exclude<Api.Member, "roles" | "enabled">, [kind: string, longest: number]>} */
const FIELDS = {
    email: ["email", 254], firstName: ["text", 100], lastName: ["text", 100], otherName: ["text", 100], mobileNumber: ["tel", 40],
    accountType: ["select", 0], planId: ["text", 64], externalUserId: ["text", 255],
};

/** The fields of a person but for roles, which have boxes, and whether they are enabled. @type {Field[]} */
export const PERSON = Object.entries(FIELDS).map(([name, [kind, longest]]) => [name, kind, longest]);

/** @type {[string, string][]} */
export const ACCOUNT_TYPES = [["LOCAL", "Local"], ["EXTERNAL", "External"], ["LDAP", "LDAP"]];

/**
 * Puts the fields into `place`.
 * @param {HTMLElement} place
 * @param {Field[]} fields
 */
export function build(place, fields) {
    place.replaceChildren(...fields.map(([name, kind, longest]) => {
        const field = clone(kind === "select" ? "select-field" : "field");
        const input = /** @type {HTMLInputElement | HTMLSelectElement} */ (field.querySelector("input, select"));
        const fault = /** @type {HTMLElement} */ (field.querySelector("small"));
        /** @type {HTMLElement} */ (field.querySelector("span")).textContent = memberName(name);
        input.name = name;
        fault.id = `fault-${name}`;
        if (input instanceof HTMLSelectElement) {
            choices(input, ACCOUNT_TYPES);
        } else {
            // Not `email`: browsers refuse addresses beyond ASCII, which the service takes.
            input.inputMode = kind;
            input.maxLength = longest;
            input.required = name === "email";
        }
        return field;
    }));
}

/**
 * Puts a box for each of the roles that may be given into `place`.
 * @param {HTMLElement} place
 * @param {(role: string) => boolean} may
 */
export function roles(place, may) {
    place.replaceChildren(...ROLES.map(([role, name]) => {
        const choice = clone("choice"), box = /** @type {HTMLInputElement} */ (choice.querySelector("input"));
        box.name = "roles";
        box.value = role;
        box.disabled = !may(role);
        /** @type {HTMLElement} */ (choice.querySelector("span")).textContent = name;
        return choice;
    }));
}

/**
 * Sets the fields to the values of a record.
 * @param {HTMLFormElement} form
 * @param {Record<string, unknown>} record
 */
export function set(form, record) {
    for (const input of controls(form)) {
        if (input.name === "roles") {
            /** @type {HTMLInputElement} */ (input).checked = /** @type {string[]} */ (record.roles ?? []).includes(input.value);
        } else {
            input.value = String(record[input.name] ?? (input.name === "accountType" ? "LOCAL" : ""));
        }
    }
}

/**
 * Returns what the fields have; an empty one is null.
 * @param {HTMLFormElement} form
 * @returns {Record<string, string | string[] | null>}
 */
export function values(form) {
    /** @type {Record<string, string | string[] | null>} */
    const found = {};
    for (const input of controls(form)) {
        if (input.name === "roles") {
            const list = /** @type {string[]} */ (found.roles ??= []);
            if (/** @type {HTMLInputElement} */ (input).checked) list.push(input.value);
        } else {
            found[input.name] = input.value.trim() || null;
        }
    }
    return found;
}

/**
 * Returns the members of `now` that differ from `before`.
 * @param {Record<string, unknown>} now
 * @param {Record<string, unknown>} before
 */
export function changed(now, before) {
    return Object.fromEntries(Object.entries(now).filter(([name, value]) => !same(value, before[name])));
}

/** Whether two values of a member are the same. Roles have no order. @param {unknown} one @param {unknown} other */
export function same(one, other) {
    if (Array.isArray(one) && Array.isArray(other)) {
        return one.length === other.length && one.every(item => other.includes(item));
    }
    return (one ?? null) === (other ?? null);
}

/** A value of a member in words. @param {unknown} value */
export function shown(value) {
    if (Array.isArray(value)) return value.map(roleName).join(", ");
    if (typeof value === "boolean") return value ? "yes" : "no";
    return ACCOUNT_TYPES.find(([type]) => type === value)?.[1] ?? (value ? String(value) : "(empty)");
}

/**
 * Shows what is wrong under the fields, and goes to the first of them. What belongs to no field goes to `rest`.
 * @param {HTMLFormElement} form
 * @param {import("./api.js").Problem} problem
 */
export function faults(form, problem) {
    clear(form);
    /** @type {HTMLElement | null} */
    let first = null;
    const rest = [];
    for (const fault of problem.faults) {
        const name = /** @type {string} */ (fault.pointer.split("/").filter(part => part in NAMES).pop() ?? "");
        const place = name && form.querySelector(`#fault-${name}`);
        if (!(place instanceof HTMLElement)) {
            rest.push(fault.detail);
            continue;
        }
        place.textContent = `${place.textContent} ${memberName(name)} ${fault.detail}.`.trim();
        const input = form.querySelector(`[name="${name}"]`);
        if (!(input instanceof HTMLElement)) continue;
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-describedby", place.id);
        first ??= input;
        const { suggestion } = fault;
        if (suggestion && input instanceof HTMLInputElement) {
            place.after(act(`Use ${suggestion}`, "small suggestion", () => {
                input.value = suggestion;
                clear(form);
                input.focus();
            }));
        }
    }
    piece(form, "fault").textContent = problem.faults.length && !rest.length ? "" : [...rest, rest.length ? "" : problem.message].join(" ");
    first?.focus();
}

/** @type {Record<string, true>} */
const NAMES = { roles: true, ...Object.fromEntries(PERSON.map(([name]) => [name, true])) };

/** Takes away what `faults` shows. @param {HTMLFormElement} form */
export function clear(form) {
    for (const place of form.querySelectorAll(".fault-text")) place.textContent = "";
    for (const button of form.querySelectorAll(".suggestion")) button.remove();
    for (const input of form.querySelectorAll("[aria-invalid]")) {
        input.removeAttribute("aria-invalid");
        input.removeAttribute("aria-describedby");
    }
}

/** @param {HTMLFormElement} form */
function controls(form) {
    const all = /** @type {(HTMLInputElement | HTMLSelectElement)[]} */ ([...form.elements]);
    return all.filter(input => input.name && (input instanceof HTMLInputElement || input instanceof HTMLSelectElement));
}

/** The form in a clone. @param {ParentNode} root */
export const formOf = root => part(root, "form", HTMLFormElement);
