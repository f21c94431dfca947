// The DOM is made by cloning the templates of the shell and setting text. Nothing here takes markup.

/**
 * Returns a clone of the template `t-<name>`.
 * @param {string} name
 * @returns {HTMLElement}
 */
export function clone(name) {
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById(`t-${name}`));
    return /** @type {HTMLElement} */ (document.importNode(template.content, true).firstElementChild);
}

/**
 * Returns the part `name` of a clone.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} name
 * @param {new () => T} kind
 * @returns {T}
 */
export function part(root, name, kind) {
    const found = root instanceof Element && root.matches(`[data-part="${name}"]`)
        ? root : root.querySelector(`[data-part="${name}"]`);
    if (!(found instanceof kind)) throw new Error(`the template has no ${name}`);
    return found;
}

/**
 * Returns the part `name`, of any kind of HTML element.
 * @param {ParentNode} root
 * @param {string} name
 */
export function piece(root, name) {
    return part(root, name, HTMLElement);
}

/**
 * Returns the part `name`, a button.
 * @param {ParentNode} root
 * @param {string} name
 */
export function button(root, name) {
    return part(root, name, HTMLButtonElement);
}

/**
 * Sets the text of each part that `texts` names.
 * @param {ParentNode} root
 * @param {Record<string, string>} texts
 */
export function fill(root, texts) {
    for (const [name, text] of Object.entries(texts)) part(root, name, Element).textContent = text;
}

/**
 * Returns the options of a select: pairs of value and text.
 * @param {HTMLSelectElement} select
 * @param {[string, string][]} options
 */
export function choices(select, options) {
    select.replaceChildren(...options.map(([value, text]) => {
        const option = /** @type {HTMLOptionElement} */ (clone("option"));
        option.value = value;
        option.textContent = text;
        return option;
    }));
}

/**
 * Returns a new button.
 * @param {string} text
 * @param {string} look
 * @param {() => void} act
 */
export function act(text, look, act) {
    const made = /** @type {HTMLButtonElement} */ (clone("button"));
    made.textContent = text;
    made.className = look;
    made.addEventListener("click", act);
    return made;
}

/**
 * Returns a paragraph for a list that has nothing.
 * @param {string} text
 */
export function empty(text) {
    const made = clone("empty");
    made.textContent = text;
    return made;
}

/**
 * Speaks `text` to those who use a screen reader.
 * @param {string} text
 */
export function say(text) {
    const place = /** @type {HTMLElement} */ (document.getElementById("said"));
    if (place.textContent !== text) place.textContent = text;
}

/**
 * Returns what a form has under `name`.
 * @param {HTMLFormElement} form
 * @param {string} name
 */
export function given(form, name) {
    return String(new FormData(form).get(name) ?? "");
}

/**
 * Puts a time into its element: short to read, whole in its title.
 * @param {ParentNode} root
 * @param {string} name
 * @param {string} text
 * @param {string} iso
 */
export function time(root, name, text, iso) {
    const place = part(root, name, HTMLTimeElement);
    place.textContent = text;
    place.dateTime = iso;
    place.title = new Date(iso).toLocaleString("en-GB", { dateStyle: "full", timeStyle: "medium" });
}

/**
 * Returns a bar whose parts have the given weights; `text` says the same in words.
 * @param {[string, number][]} weights pairs of class and weight
 * @param {number} whole what a full bar would be
 * @param {string} text
 */
export function share(weights, whole, text) {
    const bar = clone("share");
    bar.setAttribute("aria-label", text);
    for (const [look, weight] of weights.filter(([, weight]) => weight > 0)) {
        const piece = clone("share-part");
        piece.className = look;
        // A sliver stays visible, or few errors among many rows would look like none.
        piece.style.width = `${Math.max(100 * weight / Math.max(whole, 1), 0.6)}%`;
        bar.append(piece);
    }
    return bar;
}
