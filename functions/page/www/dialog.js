// Questions over the page. One at a time; Escape is no.

import { button, clone, fill, part, piece } from "./dom.js";

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} [text]
 * @property {string} yes the word on the button that does it
 * @property {string} [no] null for a message that leaves no choice
 * @property {string} [typed] what has to be typed before it can be done
 * @property {Node} [body]
 * @property {boolean} [danger]
 */

const dialog = () => /** @type {HTMLDialogElement} */ (document.getElementById("dialog"));

/**
 * Asks, and returns whether the answer is yes.
 * @param {Question} question
 * @returns {Promise<boolean>}
 */
export function confirmed(question) {
    const form = clone("dialog");
    fill(form, { title: question.title, text: question.text ?? "", yes: question.yes });
    piece(form, "text").hidden = !question.text;
    if (question.body) piece(form, "body").append(question.body);
    const yes = button(form, "yes"), no = button(form, "no");
    no.textContent = question.no ?? "Cancel";
    no.hidden = question.no === "";
    if (question.danger) yes.classList.add("danger");
    const typed = part(form, "typed", HTMLInputElement);
    if (question.typed !== undefined) {
        const wanted = question.typed;
        piece(form, "typed-field").hidden = false;
        piece(form, "typed-label").textContent = `Type ${wanted} to confirm`;
        yes.disabled = true;
        typed.addEventListener("input", () => { yes.disabled = typed.value.trim() !== wanted; });
    }
    return open(form, answer => answer === "yes" && !yes.disabled, no);
}

/**
 * Shows `content` as a dialog until it closes, and returns what `accept` makes of the answer.
 * @template T
 * @param {HTMLElement} content
 * @param {(answer: string) => T} accept
 * @param {HTMLButtonElement} [cancel]
 * @returns {Promise<T>}
 */
export async function open(content, accept, cancel) {
    const place = dialog();
    if (place.open) {
        // The event of its end comes later, and must not end the next one.
        const closed = new Promise(resolve => place.addEventListener("close", resolve, { once: true }));
        place.close("");
        await closed;
    }
    place.replaceChildren(content);
    place.returnValue = "";
    return new Promise(resolve => {
        cancel?.addEventListener("click", () => place.close(""));
        place.addEventListener("close", () => {
            place.replaceChildren();
            resolve(accept(place.returnValue));
        }, { once: true });
        place.showModal();
    });
}

/** Closes the dialog that is open, with an answer. @param {string} answer */
export const close = answer => dialog().close(answer);

/** Returns whether a dialog is open. */
export const isOpen = () => dialog().open;
