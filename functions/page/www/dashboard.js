// The numbers of accounts, as tables with bars.

import { json } from "./api.js";
import { clone, fill, piece } from "./dom.js";
import { ACCOUNT_TYPES } from "./form.js";
import { number, roleName } from "./words.js";

/** @typedef {{ name: string, total: number, active: number, disabled: number }} Line */

/** @param {import("./main.js").Place} place */
export async function show(place) {
    /** @type {Api.UserCounts} */
    const numbers = await json("GET", "/dashboard/users", { signal: place.signal });
    const root = clone("dashboard");
    place.title("Dashboard");
    fill(root, {
        total: number(numbers.totalUsers), active: number(numbers.activeUsers), disabled: number(numbers.disabledUsers),
    });
    /** @param {string} name @param {Api.AccountCounts} part @returns {Line} */
    const line = (name, part) => ({
        name, total: part.totalUsers, active: part.totalActiveUsers, disabled: part.totalDisabledUsers,
    });
    const types = new Map(ACCOUNT_TYPES);
    piece(root, "roles").append(bars("Role", numbers.breakdownByRole.map(one => line(roleName(one.role), one))));
    piece(root, "types").append(bars("Type", numbers.breakdownByAccountType.map(one => line(types.get(one.accountType) ?? one.accountType, one))));
    place.put(root);
}

/** @param {string} what @param {Line[]} lines */
function bars(what, lines) {
    const table = clone("bars"), most = Math.max(1, ...lines.map(line => line.total));
    fill(table, { what });
    piece(table, "rows").append(...lines.map(line => {
        const row = clone("bar-row"), [active, disabled] = row.querySelectorAll("rect");
        fill(row, { name: line.name, total: number(line.total), active: number(line.active), disabled: number(line.disabled) });
        const width = 100 * line.active / most;
        active.setAttribute("width", String(width));
        disabled.setAttribute("x", String(width));
        disabled.setAttribute("width", String(100 * line.disabled / most));
        return row;
    }));
    return table;
}
