// Numbers, times and names as people read them.

const NUMBER = new Intl.NumberFormat("en");

/** @param {number} value */
export const number = value => NUMBER.format(value);

/**
 * "1 row", "2 rows".
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 */
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** @param {number} bytes */
export function size(bytes) {
    if (bytes < 1000) return plural(bytes, "byte");
    for (const [unit, name] of /** @type {[number, string][]} */ ([[1e9, "GB"], [1e6, "MB"], [1e3, "KB"]])) {
        if (bytes >= unit) return `${(bytes / unit).toFixed(bytes >= 10 * unit ? 0 : 1)} ${name}`;
    }
    return "";
}

/**
 * "just now", "4 minutes ago", "10:42", "yesterday", "3 March 2026".
 * @param {string} iso
 */
export function when(iso) {
    const then = new Date(iso), now = new Date(), seconds = (now.getTime() - then.getTime()) / 1000;
    if (seconds < 45) return "just now";
    if (seconds < 3600) return `${plural(Math.max(Math.round(seconds / 60), 1), "minute")} ago`;
    if (then.toDateString() === now.toDateString()) {
        return then.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    }
    const before = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
    if (then.toDateString() === before.toDateString()) return "yesterday";
    return then.toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
}

/**
 * "about 4 seconds left".
 * @param {number} seconds
 */
export function left(seconds) {
    if (seconds < 90) return `about ${plural(Math.max(Math.round(seconds), 1), "second")} left`;
    return `about ${plural(Math.round(seconds / 60), "minute")} left`;
}

/** The roles, the mightiest first. @type {[string, string][]} */
export const ROLES = [
    ["ROLE_SYSTEM_ADMIN", "System administrator"],
    ["ROLE_USER_ADMIN", "User administrator"],
    ["ROLE_ORIGINATOR", "Originator"],
    ["ROLE_COLLABORATOR", "Collaborator"],
    ["ROLE_ADHOC_COLLABORATOR", "Ad-hoc collaborator"],
];

/** @param {string} role */
export const roleName = role => ROLES.find(([known]) => known === role)?.[1] ?? role;

/** @type {Record<Api.Member | "pendingEmail", string>} */
const MEMBERS = {
    email: "Email address", firstName: "First name", lastName: "Last name", otherName: "Other name",
    mobileNumber: "Mobile number", roles: "Roles", enabled: "Enabled", accountType: "Account type",
    planId: "Plan", externalUserId: "External user id", pendingEmail: "Pending address",
};

/** @param {string} member */
export const memberName = member => /** @type {Record<string, string>} */ (MEMBERS)[member] ?? member;

/** What a column of a file may mean. */
export const COLUMNS = Object.keys(MEMBERS).filter(member => member !== "pendingEmail");

/** What each kind of error is called. @type {Record<string, string>} */
const CAUSES = {
    required: "is missing", invalid_format: "is not valid", too_long: "is too long", unknown_role: "Unknown role",
    not_assignable: "Role that cannot be given", forbidden_role: "Role that you may not give",
    duplicate_in_file: "Address repeats an earlier line", already_exists: "Address has an account already", column_count: "Wrong number of cells", unnamed_column: "Cell without a column",
    malformed_quote: "Quotes in the wrong place", not_utf8: "Broken characters", unclosed_quote: "Quote never closed",
    row_too_large: "Row too long", too_many_faults: "Too many errors", changed_since: "Account changed since",
    looks_garbled: "looks garbled", looks_empty: "looks like an empty cell", looks_escaped: "has codes of HTML",
};

/**
 * What an error is called, in a few words.
 * @param {{ code: string | null, member: string | null, column: string | null }} fault
 */
export function causeName(fault) {
    const what = CAUSES[fault.code ?? ""] ?? (fault.code ?? "").replaceAll("_", " ");
    if (/^[A-Z]/.test(what)) return what;
    return `${fault.member ? memberName(fault.member) : fault.column ?? "The row"} ${what}`;
}

/**
 * A person's name, or the address of one without.
 * @param {{ firstName: string | null, lastName: string | null, email: string }} user
 */
export const personName = user => [user.firstName, user.lastName].filter(Boolean).join(" ") || user.email;

// Control characters, invisible ones, and those that turn the direction of text.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]/gu;
/** How much of a cell is shown. The rest is not lost, only not shown. */
const SHOWN = 300;

/**
 * The text of a cell with everything invisible made visible, cut short.
 * @param {string} text
 */
export function visible(text) {
    const cut = text.length > SHOWN ? `${text.slice(0, SHOWN)} …` : text;
    return cut.replace(UNSEEN, character => {
        const code = character.codePointAt(0) ?? 0;
        return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
    });
}
