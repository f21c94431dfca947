// Signing in: by the issuer, by a token that is pasted, or by the link that `local` prints.

import { Problem } from "./api.js";
import { confirmed, close, open } from "./dialog.js";
import { button, clone, fill, part, piece } from "./dom.js";
import { hold } from "./session.js";

/** Names of this machine: only there is a token in the address taken. */
const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/** The issuer that signs people in; null for none. @type {import("./main.js").Settings["issuer"]} */
let issuer = null;

/** Says which issuer signs people in. @param {typeof issuer} one */
export const offer = one => { issuer = one; };

/**
 * Returns the record of the account that `token` is for, or null if the service does not take it.
 * @param {string} token
 * @returns {Promise<Api.User | null>}
 */
async function accountOf(token) {
    let answer;
    try {
        answer = await fetch("/api/v1/users/me", {
            headers: { Authorization: `Bearer ${token}` }, credentials: "omit", cache: "no-store",
        });
    } catch {
        throw new Problem(0, { detail: "The service cannot be reached. Check the connection." });
    }
    if (answer.status === 401) return null;
    if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})));
    return answer.json();
}

/** Returns the token in the address, which is taken out of it at once. */
export function tokenOfLink() {
    const found = /^#token=(.+)$/.exec(location.hash)?.[1];
    if (!found) return null;
    history.replaceState(null, "", location.pathname);
    return LOOPBACK.includes(location.hostname) ? decodeURIComponent(found) : null;
}

/**
 * Asks whether to sign in with the token of a link, and returns whether that was done. Without the question, a link
 * from anyone could sign somebody in under a foreign account.
 * @param {string} token
 */
export async function byLink(token) {
    const account = await accountOf(token).catch(() => null);
    if (!account) return false;
    const sure = await confirmed({
        title: `Sign in as ${account.email}?`,
        text: "The link that you opened has an access token of this account.",
        yes: "Sign in",
        no: "Not now",
    });
    if (sure) hold(token);
    return sure;
}

/** Signs in by the first of an issuer's tokens that the service takes. @param {string[]} tokens */
async function holdOne(tokens) {
    for (const token of tokens) {
        if (!await accountOf(token)) continue;
        hold(token);
        return;
    }
    throw new Error("The issuer signed you in, but no account here is yours. Ask an administrator to create one for your address.");
}

/** Returns what the issuer answered in the address, which is taken out of it at once. */
export function answerOfIssuer() {
    const answer = Object.fromEntries(new URLSearchParams(location.search));
    if (!("state" in answer)) return null;
    history.replaceState(null, "", location.pathname);
    return answer;
}

/**
 * Ends the sign-in that the issuer answered, and returns what to say if nobody is signed in by it.
 * @param {Record<string, string>} answer
 */
export async function byAnswer(answer) {
    try {
        const tokens = await (await import("./issuer.js")).end(issuer, answer);
        if (!tokens.length) return "You are signed in. Go on in the other tab; this one can be closed.";
        await holdOne(tokens);
        return "";
    } catch (error) {
        return error instanceof Error ? error.message : String(error);
    }
}

/**
 * Returns the form to sign in by. `done` is called when a token is held.
 * @param {string} reason
 * @param {(issuer: import("./issuer.js").Issuer) => Promise<string[] | null>} byIssuer brings tokens, or leaves the page
 * @param {() => void} done
 */
function form(reason, byIssuer, done) {
    const section = clone("signin");
    const form = part(section, "form", HTMLFormElement);
    const input = part(section, "token", HTMLInputElement), fault = piece(section, "fault");
    fill(section, { reason: reason || (issuer ? "" : "Paste an access token of this service. An administrator can issue one for your account.") });
    piece(section, "issuer-row").hidden = !issuer;
    if (issuer) {
        const one = issuer, with_ = button(section, "issuer");
        with_.textContent = `Sign in with ${new URL(one.issuer).hostname}`;
        fill(section, { "token-label": "Or paste an access token", go: "Sign in with the token" });
        button(section, "go").classList.remove("main");
        with_.addEventListener("click", async () => {
            fault.textContent = "";
            try {
                const tokens = await byIssuer(one);
                if (!tokens) return;
                await holdOne(tokens);
                done();
            } catch (error) {
                fault.textContent = error instanceof Error ? error.message : String(error);
            }
        });
    }
    form.addEventListener("submit", async event => {
        event.preventDefault();
        const token = input.value.trim(), go = button(section, "go");
        fault.textContent = "";
        go.disabled = true;
        try {
            // A header takes no other characters, and no token has them.
            const account = /^[\x21-\x7e]+$/.test(token) ? await accountOf(token) : null;
            if (account) {
                hold(token);
                done();
                return;
            }
            fault.textContent = "This token is not valid. It may have ended; ask for a new one.";
        } catch (error) {
            fault.textContent = error instanceof Error ? error.message : String(error);
        } finally {
            go.disabled = false;
        }
        input.focus();
        input.select();
    });
    return section;
}

/**
 * Shows the form as the whole page, until somebody has signed in.
 * @param {HTMLElement} main
 * @param {string} reason
 * @returns {Promise<void>}
 */
export function asPage(main, reason) {
    document.title = "Sign in · Access Service";
    return new Promise(resolve => {
        main.replaceChildren(form(reason, async one => {
            await (await import("./issuer.js")).leaveFor(one);
            return null;
        }, resolve));
        (issuer ? button(main, "issuer") : part(main, "token", HTMLInputElement)).focus();
    });
}

/** @type {Promise<void> | null} */
let asking = null;

/**
 * Shows the form over what was being done, so that nothing typed is lost, until somebody has signed in.
 * @returns {Promise<void>}
 */
export function overPage() {
    asking ??= (async () => {
        for (let signedIn = false; !signedIn;) {
            const reason = "Your access token has ended. Sign in again to go on; nothing that you typed is lost.";
            const over = new AbortController();
            const section = form(reason, async one => (await import("./issuer.js")).inAnotherTab(one, over.signal), () => close("done"));
            section.querySelector("h1")?.setAttribute("id", "dialog-title");
            button(section, "issuer").textContent += " in a new tab";
            signedIn = await open(section, answer => answer === "done");
            over.abort();
        }
    })().finally(() => { asking = null; });
    return asking;
}
