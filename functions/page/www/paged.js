// A list of the service under a heading, shown a page at a time when a person asks for it.

import { button, clone, empty, fill, piece } from "./dom.js";
import { number } from "./words.js";

/** Rows on a page. */
export const LIMIT = 100;

/**
 * @template T
 * @typedef {object} List
 * @property {string} table the template of the table
 * @property {string} none what is shown in the place of no rows
 * @property {(count: number) => string} title
 * @property {(query: { limit: number, offset: number }) => Promise<{ items: T[], count: number, offset: number }>} read
 * @property {(item: T) => HTMLElement} row
 * @property {() => void} [closed] called when the list is hidden again
 */

/** @template T */
export class Paged {
    /** @param {List<T>} list */
    constructor(list) {
        this.root = clone("paged");
        this.list = list;
        this.offset = 0;
        this.isOpen = false;
        button(this.root, "toggle").addEventListener("click", () => void (this.isOpen ? this.close() : this.open()));
        button(this.root, "previous").addEventListener("click", () => void this.move(-LIMIT));
        button(this.root, "next").addEventListener("click", () => void this.move(LIMIT));
    }

    /** Reads a page and shows it, or only how many there are while the list is hidden. */
    async look() {
        const { root, list, isOpen } = this, page = await list.read({ limit: isOpen ? LIMIT : 1, offset: this.offset });
        const last = page.offset + page.items.length, place = piece(root, "list");
        fill(root, {
            title: list.title(page.count), toggle: isOpen ? "Hide" : "Show each",
            range: `${number(page.offset + 1)} to ${number(last)} of ${number(page.count)}`,
        });
        place.hidden = !isOpen;
        piece(root, "pager").hidden = page.count <= LIMIT || !isOpen;
        button(root, "previous").disabled = page.offset === 0;
        button(root, "next").disabled = last >= page.count;
        if (!isOpen) return;
        const table = clone(list.table);
        piece(table, "rows").append(...page.items.map(list.row));
        place.replaceChildren(page.items.length ? table : empty(list.none));
    }

    /** Shows the first page. */
    async open() {
        this.isOpen = true;
        await this.move(-this.offset);
    }

    async close() {
        this.isOpen = false;
        this.offset = 0;
        this.list.closed?.();
        await this.look();
    }

    /** @param {number} by */
    async move(by) {
        this.offset = Math.max(0, this.offset + by);
        await this.look();
        this.root.scrollIntoView();
        this.root.focus({ preventScroll: true });
    }
}
