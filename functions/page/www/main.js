// Starts the page: signs in, and shows the view that the address names.

import { json, onSignedOut, Problem } from "./api.js";
import { confirmed, isOpen } from "./dialog.js";
import { button, clone, fill, say } from "./dom.js";
import { take } from "./intake.js";
import { forget, held, watch } from "./session.js";
import { answerOfIssuer, asPage, byAnswer, byLink, offer, overPage, tokenOfLink } from "./signin.js";

/**
 * What a view gets.
 * @typedef {object} Place
 * @property {(view: HTMLElement) => void} put shows the view and gives it the focus, before the person can have moved it
 * @property {string[]} args what the address has after the area
 * @property {AbortSignal} signal ends when another view is shown
 * @property {Api.User} me
 * @property {Settings} settings
 * @property {(title: string) => void} title
 *
 * @typedef {object} Settings
 * @property {boolean} tokenIssue
 * @property {string} version
 * @property {null | { issuer: string, clientId: string, authorizationEndpoint: string, tokenEndpoint: string, identityTokenFirst: boolean }} issuer
 */

/** The views by area. Each is loaded when it is first asked for. @type {Record<string, () => Promise<View>>} */
const VIEWS = {
    imports: () => import("./home.js"),
    new: () => import("./intake.js"),
    import: () => import("./import.js"),
    correct: () => import("./correct.js"),
    users: () => import("./users.js"),
    user: () => import("./user.js"),
    dashboard: () => import("./dashboard.js"),
    contacts: () => import("./contacts.js"),
    me: () => import("./me.js"),
};
/** @typedef {{ show: (place: Place) => Promise<void> }} View */

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const header = /** @type {HTMLElement} */ (document.getElementById("header"));
/** @type {Api.User} */
let me;
/** @type {Settings} */
let settings;
let shown = new AbortController();
/** Whether the view has something typed that a change of view would lose. @type {() => boolean} */
let unsaved = () => false;
let current = "";

/** Whether that would be lost only with the tab. */
let isKept = false;

/**
 * Lets a view say whether leaving it would lose something.
 * @param {() => boolean} test
 * @param {"leaving" | "closing"} [when] whether it is lost already with the view, or only with the tab
 */
export const guard = (test, when = "leaving") => {
    unsaved = test;
    isKept = when === "closing";
};

/** The areas that `user` may use. @param {Api.User} user */
function areas(user) {
    const admin = user.roles.some(role => role === "ROLE_SYSTEM_ADMIN" || role === "ROLE_USER_ADMIN");
    const contacts = user.roles.some(role => role === "ROLE_ORIGINATOR" || role === "ROLE_COLLABORATOR");
    return [...admin ? ["imports", "users", "dashboard"] : [], ...contacts ? ["contacts"] : [], "me"];
}

/** What the address asks for: an area, a view and its arguments. */
function asked() {
    const [, area = "", ...args] = location.hash.split("/").map(decodeURIComponent);
    const allowed = areas(me);
    if (!allowed.includes(area)) return { area: allowed[0], view: allowed[0], args: [] };
    let view = area;
    if (area === "imports" && args.length) view = args[0] === "new" ? "new" : args[1] === "correct" ? "correct" : "import";
    if (area === "users" && args.length) view = "user";
    return { area, view, args };
}

/** Shows the view that the address names. */
export async function show() {
    if (!held()) return;
    shown.abort();
    shown = new AbortController();
    unsaved = () => false;
    current = location.hash;
    const { signal } = shown, { area, view, args } = asked();
    for (const link of header.querySelectorAll("nav a")) {
        const here = link.getAttribute("data-area") === area;
        if (here) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
    }
    const before = main.firstElementChild;
    const waiting = setTimeout(() => {
        if (main.firstElementChild === before) main.replaceChildren(clone("wait"));
    }, 150);
    /** @param {string} title */
    const title = title => {
        document.title = `${title} · Access Service`;
        say(title);
    };
    /** @param {HTMLElement} root */
    const put = root => {
        if (signal.aborted) return;
        main.replaceChildren(root);
        main.focus({ preventScroll: true });
    };
    try {
        const loaded = await VIEWS[view]();
        if (signal.aborted) return;
        scrollTo(0, 0);
        await loaded.show({ put, args, signal, me, settings, title });
    } catch (error) {
        if (!signal.aborted) fail(error);
    } finally {
        clearTimeout(waiting);
    }
}

/** Shows why a view could not be shown. @param {unknown} error */
function fail(error) {
    const section = clone("problem"), again = button(section, "again");
    if (error instanceof Problem) {
        fill(section, { title: error.title, detail: error.message });
        fill(section, { request: error.request ? `Request ${error.request}` : "" });
        again.addEventListener("click", show);
    } else {
        // A file of this version is gone: there was a deployment.
        const detail = "Reload it to get the new version. If this stays, report it to your administrator.";
        fill(section, { title: "The page could not go on.", detail, request: String(error) });
        again.textContent = "Reload";
        again.addEventListener("click", () => location.reload());
    }
    main.replaceChildren(section);
}

/** Signs out, here or everywhere. @param {string} reason */
async function leave(reason) {
    shown.abort();
    forget();
    header.hidden = true;
    await asPage(main, reason);
    await enter();
}

async function enter() {
    me = await json("GET", "/users/me");
    const link = /** @type {HTMLElement} */ (document.getElementById("me"));
    link.textContent = me.email;
    const allowed = areas(me);
    for (const area of header.querySelectorAll("nav a")) {
        const name = area.getAttribute("data-area") ?? "";
        /** @type {HTMLElement} */ (area).hidden = !allowed.includes(name);
    }
    header.hidden = false;
    await show();
}

function listen() {
    addEventListener("hashchange", async () => {
        if (location.hash === current) return;
        if (!isKept && unsaved()) {
            const wanted = location.hash;
            history.replaceState(null, "", current || location.pathname);
            const sure = await confirmed({
                title: "Leave without saving?", text: "What you typed here would be lost.", yes: "Leave", no: "Stay",
            });
            if (!sure) return;
            unsaved = () => false;
            location.hash = wanted;
            return;
        }
        await show();
    });
    addEventListener("unhandledrejection", event => {
        const { reason } = event;
        // What a view asked for ends with the view.
        const isOver = reason instanceof DOMException && reason.name === "AbortError";
        if (!isOver && !(reason instanceof Problem)) return;
        event.preventDefault();
        if (reason instanceof Problem) {
            void confirmed({ title: reason.title || "That did not work", text: reason.message, yes: "Close", no: "" });
        }
    });
    addEventListener("beforeunload", event => { if (unsaved()) event.preventDefault(); });
    document.getElementById("skip")?.addEventListener("click", () => main.focus());
    document.getElementById("leave")?.addEventListener("click", async () => {
        const sure = await confirmed({
            title: "Sign out",
            text: "This tab forgets the access token. To end the token itself, so that nobody can use it any more, "
                + "choose the second button.",
            yes: "Sign out here",
            body: everywhere(),
        });
        if (sure) await leave("You are signed out.");
    });
    watch(() => {
        if (isOpen()) return;
        void confirmed({ title: "Are you still there?", text: "You will be signed out soon.", yes: "Stay", no: "" });
    }, () => { void leave("You were signed out, because nothing was done for 30 minutes."); });
}

/** The button that ends the token itself. */
function everywhere() {
    const made = /** @type {HTMLButtonElement} */ (clone("button"));
    made.textContent = "Sign out and end the token";
    made.addEventListener("click", async () => {
        await json("POST", "/auth/token/revoke", { json: {} }).catch(() => null);
        /** @type {HTMLDialogElement} */ (document.getElementById("dialog")).close("");
        await leave("You are signed out, and the token has ended.");
    });
    return made;
}

/** Takes files that are dropped anywhere, and rows that are pasted. */
function receive() {
    const zone = /** @type {HTMLElement} */ (document.getElementById("dropzone"));
    const mayImport = () => held() && me && areas(me).includes("imports") && !isOpen();
    addEventListener("dragover", event => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        zone.hidden = !mayImport();
    });
    addEventListener("dragleave", event => { if (!event.relatedTarget) zone.hidden = true; });
    addEventListener("drop", event => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        zone.hidden = true;
        const file = event.dataTransfer.files[0];
        if (file && mayImport()) void take(file);
    });
    addEventListener("paste", event => {
        const inField = event.target instanceof Element && event.target.closest("input, textarea, select");
        if (inField || !mayImport()) return;
        const file = event.clipboardData?.files[0], text = event.clipboardData?.getData("text/plain") ?? "";
        if (file) void take(file);
        else if (text.trim().includes("\n")) void take(new File([text], "pasted rows.tsv"));
        else say("To import, paste rows with a header from a spreadsheet.");
    });
}

async function start() {
    onSignedOut(overPage);
    const link = tokenOfLink(), answer = answerOfIssuer();
    settings = await (await fetch("/page/config.json", { credentials: "omit" })).json();
    offer(settings.issuer);
    listen();
    receive();
    if (link) await byLink(link);
    const reason = answer ? await byAnswer(answer) : "";
    if (!held()) await asPage(main, reason);
    await enter();
}

start().catch(fail);
