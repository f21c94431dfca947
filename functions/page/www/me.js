// The caller's own record.

import { button } from "./dom.js";
import { PERSON } from "./form.js";
import { edit } from "./user.js";

/** @param {import("./main.js").Place} place */
export async function show(place) {
    const { roles } = place.me;
    const admin = roles.some(role => role.endsWith("_ADMIN"));
    const readOnly = roles.every(role => role === "ROLE_ADHOC_COLLABORATOR");
    const all = PERSON.map(([name]) => name);
    // What only an administrator may change.
    const managed = ["roles", "accountType", "planId", "externalUserId"];
    const root = await edit(place, "/users/me", [...readOnly ? all : [], ...admin ? ["roles"] : managed]);
    if (readOnly) /** @type {HTMLElement} */ (button(root, "save").parentElement).hidden = true;
}
