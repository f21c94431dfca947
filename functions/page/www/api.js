// Every request to the service. An answer that is no success becomes a `Problem`.

import { held } from "./session.js";

const BASE = "/api/v1";
/** How often a reading request is made again when the service asks for patience. */
const RETRIES = 4;

/**
 * @typedef {object} Wanted
 * @property {Record<string, string | number | undefined>} [query]
 * @property {unknown} [json]
 * @property {FormData} [form]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 */

export class Problem extends Error {
    /**
     * @param {number} status 0 if the service was not reached
     * @param {Partial<Api.Problem>} body
     */
    constructor(status, body) {
        super(body.detail ?? body.title ?? `The service answered with ${status}.`);
        this.status = status;
        this.title = body.title ?? "";
        this.faults = body.errors ?? [];
        this.request = body.instance ?? "";
        this.importId = body.importId ?? null;
    }
}

/** Asks for another token; set by the module that signs in. @type {() => Promise<void>} */
let signInAgain = async () => { throw new Error("nobody can sign in yet"); };
/** @param {() => Promise<void>} ask */
export const onSignedOut = ask => { signInAgain = ask; };

/** @param {number} milliseconds @param {AbortSignal} [signal] */
export const pause = (milliseconds, signal) => new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
});

/**
 * Makes a request and returns the answer of success.
 * @param {string} method
 * @param {string} path below the base path
 * @param {Wanted} [wanted]
 * @returns {Promise<Response>}
 */
export async function ask(method, path, wanted = {}) {
    for (let attempt = 0; ; attempt += 1) {
        const asked = held();
        let answer;
        try {
            answer = await fetch(address(path, wanted.query), {
                method,
                headers: headers(wanted, asked),
                body: wanted.form ?? (wanted.json === undefined ? undefined : JSON.stringify(wanted.json)),
                signal: wanted.signal,
                credentials: "omit",
                cache: "no-store",
            });
        } catch (error) {
            if (wanted.signal?.aborted) throw error;
            throw new Problem(0, { title: "The service cannot be reached.", detail: "Check the connection." });
        }
        if (answer.ok) return answer;
        const problem = await read(answer);
        if (answer.status === 401) {
            // Another request may have brought a new token meanwhile. What was typed stays on the page.
            if (held() === asked) await signInAgain();
            continue;
        }
        const patient = method === "GET" && (answer.status === 429 || answer.status === 503);
        if (!patient || attempt >= RETRIES) throw problem;
        const seconds = Number(answer.headers.get("retry-after")) || 2 ** attempt / 2;
        await pause(Math.min(seconds, 10) * 1000, wanted.signal);
    }
}

/**
 * Makes a request and returns its JSON and its entity tag.
 * @template T
 * @param {string} method
 * @param {string} path
 * @param {Wanted} [wanted]
 * @returns {Promise<{ body: T, etag: string }>}
 */
export async function tagged(method, path, wanted) {
    const answer = await ask(method, path, wanted);
    return { body: await answer.json(), etag: answer.headers.get("etag") ?? "" };
}

/**
 * Makes a request and returns its JSON.
 * @template T
 * @param {string} method
 * @param {string} path
 * @param {Wanted} [wanted]
 * @returns {Promise<T>}
 */
export async function json(method, path, wanted) {
    return (await ask(method, path, wanted)).json();
}

/**
 * Sends a form and reports how much of it is sent, which `fetch` cannot.
 * @param {string} method
 * @param {string} url
 * @param {XMLHttpRequestBodyInit} body
 * @param {Record<string, string>} headers
 * @param {(share: number) => void} progress
 * @param {AbortSignal} signal
 * @returns {Promise<{ status: number, text: string }>}
 */
export function send(method, url, body, headers, progress, signal) {
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.open(method, url);
        for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
        request.upload.addEventListener("progress", event => {
            if (event.lengthComputable) progress(event.loaded / event.total);
        });
        request.addEventListener("load", () => resolve({ status: request.status, text: request.responseText }));
        request.addEventListener("error", () => reject(new Problem(0, {
            title: "The file did not get through.", detail: "Check the connection and try again.",
        })));
        signal.addEventListener("abort", () => { request.abort(); reject(signal.reason); });
        request.send(body);
    });
}

/**
 * @param {string} path
 * @param {Wanted["query"]} [query]
 */
function address(path, query = {}) {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
        if (value !== undefined && value !== "") parameters.set(name, String(value));
    }
    return BASE + path + (parameters.size ? `?${parameters}` : "");
}

/**
 * @param {Wanted} wanted
 * @param {string} token
 */
function headers(wanted, token) {
    /** @type {Record<string, string>} */
    const all = { Authorization: `Bearer ${token}`, ...wanted.headers };
    if (wanted.json !== undefined) all["Content-Type"] = "application/json";
    return all;
}

/** @param {Response} answer */
async function read(answer) {
    try {
        const body = await answer.json();
        return new Problem(answer.status, body.message ? { detail: `${body.message}.` } : body);
    } catch {
        return new Problem(answer.status, {});
    }
}
