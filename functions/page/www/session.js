// The token: in a variable of this module and in `sessionStorage`, which ends with the tab. Never in a cookie, so
// that no other site can use it, and in no storage that outlives the visit.

const KEY = "token";
/** After so long without a key or a click, the token is forgotten: a screen that somebody left. */
const IDLE = 30 * 60 * 1000;
/** So long before that, the page warns. */
const WARNING = 2 * 60 * 1000;

let token = sessionStorage.getItem(KEY) ?? "";
let active = Date.now();

/** Returns the token; empty for none. */
export const held = () => token;

/** @param {string} value */
export function hold(value) {
    token = value;
    active = Date.now();
    sessionStorage.setItem(KEY, value);
}

/** Forgets the token and everything that was typed. */
export function forget() {
    token = "";
    sessionStorage.clear();
}

/**
 * Calls `warn` before the token is forgotten for want of activity, and `end` when it is.
 * @param {() => void} warn
 * @param {() => void} end
 */
export function watch(warn, end) {
    for (const event of ["pointerdown", "keydown", "focus"]) {
        addEventListener(event, () => { active = Date.now(); }, { capture: true, passive: true });
    }
    setInterval(() => {
        if (!token) return;
        const idle = Date.now() - active;
        if (idle >= IDLE) end();
        else if (idle >= IDLE - WARNING) warn();
    }, 15_000);
}

/** What is typed, in parts: it survives a reload and ends with the tab or the session. @param {string} name */
export const keptPart = name => sessionStorage.getItem(name);

/** @param {string} name @param {string} text */
export function keepPart(name, text) {
    try {
        sessionStorage.setItem(name, text);
    } catch {
        // The browser keeps some megabytes for a tab. What was typed stays on the page, but not over a reload.
        sessionStorage.removeItem(name);
    }
}

/** @param {string} name */
export const forgetPart = name => sessionStorage.removeItem(name);
