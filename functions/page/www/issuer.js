// Signing in with an OpenID Connect issuer: authorization code with PKCE (RFC 7636), as a public client.

import { keepPart, keptPart, forgetPart } from "./session.js";

/** Under which name the tab keeps a sign-in that it began. */
const BEGUN = "sign-in";
/** How long a tab in which a person signed in waits for the one that asked, in milliseconds. */
const ANSWER = 1000;

/**
 * @typedef {NonNullable<import("./main.js").Settings["issuer"]>} Issuer
 *
 * A sign-in that began: what has to come back, and what proves that it is the same client.
 * @typedef {{ state: string, nonce: string, verifier: string, hash: string }} Begun
 *
 * What the issuer answered in the address.
 * @typedef {Record<string, string>} Answer
 */

/** The page's own address, to which the issuer comes back. */
const here = () => `${location.origin}/`;

/** @param {Uint8Array} bytes */
const base64url = bytes => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/**
 * Makes a sign-in, and the address at which a person goes through it.
 * @param {Issuer} issuer
 * @returns {Promise<{ begun: Begun, address: string }>}
 */
async function begin(issuer) {
    const begun = { state: random(), nonce: random(), verifier: random(), hash: location.hash };
    const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(begun.verifier));
    const address = new URL(issuer.authorizationEndpoint);
    for (const [name, value] of Object.entries({
        response_type: "code", client_id: issuer.clientId, redirect_uri: here(), scope: "openid email", state: begun.state,
        nonce: begun.nonce, code_challenge: base64url(new Uint8Array(challenge)), code_challenge_method: "S256",
    })) address.searchParams.set(name, value);
    return { begun, address: address.href };
}

/** Leaves the page for the issuer, which comes back to it. @param {Issuer} issuer */
export async function leaveFor(issuer) {
    const { begun, address } = await begin(issuer);
    keepPart(BEGUN, JSON.stringify(begun));
    location.assign(address);
}

/**
 * Has a person sign in in another tab, so that nothing on this one is lost, and returns the tokens.
 * @param {Issuer} issuer
 * @param {AbortSignal} signal
 * @returns {Promise<string[]>}
 */
export async function inAnotherTab(issuer, signal) {
    const { begun, address } = await begin(issuer), channel = new BroadcastChannel(BEGUN);
    signal.addEventListener("abort", () => channel.close());
    // With an opener, the other tab would begin with a copy of what this one keeps.
    open(address, "_blank", "noopener");
    return new Promise((resolve, reject) => {
        channel.addEventListener("message", event => {
            /** @type {Answer} */
            const answer = event.data;
            if (answer.state !== begun.state) return;
            channel.postMessage({ taken: answer.state });
            redeem(issuer, begun, answer).then(resolve, reject);
        });
    });
}

/**
 * Ends the sign-in that `answer` belongs to: returns the tokens, or an empty list if another tab took them.
 * @param {Issuer | null} issuer
 * @param {Answer} answer
 * @returns {Promise<string[]>}
 */
export async function end(issuer, answer) {
    /** @type {Begun | null} */
    const begun = JSON.parse(keptPart(BEGUN) ?? "null");
    if (issuer && begun?.state === answer.state) {
        forgetPart(BEGUN);
        history.replaceState(null, "", location.pathname + begun.hash);
        return redeem(issuer, begun, answer);
    }
    if (await isTaken(answer)) return [];
    // An answer that nobody here asked for may be another person's, sent by a link.
    throw new Error("This sign-in did not begin in this browser, or it is over. Sign in again.");
}

/** Offers `answer` to the other tabs, and returns whether one of them began that sign-in. @param {Answer} answer */
function isTaken(answer) {
    const channel = new BroadcastChannel(BEGUN);
    return /** @type {Promise<boolean>} */ (new Promise(resolve => {
        channel.addEventListener("message", event => { if (event.data.taken === answer.state) resolve(true); });
        setTimeout(() => resolve(false), ANSWER);
        channel.postMessage(answer);
    })).finally(() => channel.close());
}

/**
 * Exchanges a code for tokens, those first that are likelier to sign in.
 * @param {Issuer} issuer
 * @param {Begun} begun
 * @param {Answer} answer
 * @returns {Promise<string[]>}
 */
async function redeem(issuer, begun, answer) {
    const { code, error, iss } = answer;
    // RFC 9207: an answer of another issuer must not reach this one's token endpoint.
    if (!code || (iss ?? issuer.issuer) !== issuer.issuer) {
        throw new Error(`The issuer did not sign you in (${answer.error_description ?? error ?? "no code"}). Try again.`);
    }
    const body = new URLSearchParams({
        grant_type: "authorization_code", code, redirect_uri: here(), client_id: issuer.clientId, code_verifier: begun.verifier,
    });
    const given = await fetch(issuer.tokenEndpoint, { method: "POST", body, credentials: "omit" }).catch(() => null);
    const tokens = given?.ok ? await given.json() : {};
    const { access_token: access, id_token: identity } = /** @type {Record<string, string | undefined>} */ (tokens);
    if (!access || !identity || nonceOf(identity) !== begun.nonce) {
        throw new Error("The issuer gave no tokens for this sign-in. Try again.");
    }
    return issuer.identityTokenFirst ? [identity, access] : [access, identity];
}

/** The nonce in an identity token. Its signature is checked by the service, which takes or refuses it. @param {string} token */
function nonceOf(token) {
    try {
        return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).nonce;
    } catch {
        return "";
    }
}
