// A browser for the checks: it counts what must never happen, and shows the state that it sees.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../.tools/page/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** Rules of WCAG 2.2 at level AA, and what axe recommends besides. */
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

export async function launch() {
    return chromium.launch({
        executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
        args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-proxy-server"],
    });
}

/** A page of its own session, with everything noted that would be a fault in any test. */
export async function visit(browser, stack, options = {}) {
    const context = await browser.newContext({
        viewport: { width: 1280, height: 800 }, acceptDownloads: true, locale: "en-GB", ...options,
    });
    const page = await context.newPage();
    const faults = [];
    page.on("request", request => {
        const { origin, protocol } = new URL(request.url());
        // A test may start a stack of its own.
        const allowed = [stack.url, stack.s3Endpoint, ...stack.issuer ? [stack.issuer] : []].map(url => new URL(url).origin);
        if (protocol.startsWith("http") && !allowed.includes(origin)) faults.push(`request to ${request.url()}`);
    });
    page.on("pageerror", error => faults.push(`error: ${error.message}`));
    page.on("console", message => {
        // A refused request is shown there too, and often wanted.
        const isPolicy = /Content Security Policy|Trusted ?Type/i.test(message.text());
        if (isPolicy) faults.push(`policy: ${message.text()}`);
    });
    await page.addInitScript(() => {
        addEventListener("securitypolicyviolation", event => {
            console.error(`Content Security Policy: ${event.violatedDirective} ${event.blockedURI}`);
        });
    });
    return { context, page, faults };
}

/** Signs in by the link that `local` prints. */
export async function signIn(page, stack) {
    await page.goto(`${stack.url}/#token=${stack.adminToken}`);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("heading", { name: "Imports", exact: true }).waitFor();
}

/** What axe finds in the state that `page` shows, dark and light, wide, at 200 % of that and narrow. */
export async function audit(page, name) {
    const found = [];
    for (const [width, height] of [[1280, 800], [640, 400], [320, 640]]) {
        await page.setViewportSize({ width, height });
        for (const colorScheme of ["light", "dark"]) {
            await page.emulateMedia({ colorScheme });
            if (!await page.evaluate(() => "axe" in globalThis)) await inject(page);
            const { violations } = await page.evaluate(
                tags => globalThis.axe.run(document, { runOnly: tags, resultTypes: ["violations"] }), TAGS);
            for (const { id, nodes } of violations) {
                for (const node of nodes) found.push(`${name} ${width} ${colorScheme}: ${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`);
            }
        }
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (wide > 0) found.push(`${name}: ${wide} pixels wider than ${width}`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: "light" });
    return found;
}

/** Puts axe beside the page, past its policy: by the debugger, as a person's tools do. */
async function inject(page) {
    const session = await page.context().newCDPSession(page);
    await session.send("Runtime.evaluate", { expression: AXE });
    await session.detach();
}
