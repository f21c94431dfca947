// What the page does in a browser, step by step as a person does it: `node check.mjs [PART OF A NAME ...]`.

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { audit, launch, signIn, visit } from "./browser.mjs";
import { Stack } from "./stack.mjs";
import { workbook } from "./workbook.mjs";

const EXAMPLE = new URL("../../examples/people-with-errors.csv", import.meta.url).pathname;
const tests = [];
const test = (name, run) => tests.push([name, run]);

/** Goes through the check of a file to its import; leaves the page at what came of it. */
async function importFile(page, file, created) {
    await page.locator("input[type=file]").setInputFiles(file);
    await page.getByRole("button", { name: "Check the file" }).click();
    await page.getByText("Nothing has been written.").waitFor({ timeout: 120_000 });
    // A check of which nothing is ready is corrected at once.
    if (!created) return;
    await page.getByRole("button", { name: new RegExp(`^Create ${created} users?`) }).click();
    await page.getByText("Nothing has been written.").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "All imports" }).waitFor();
}

/** A file that a person could have made, from its text. */
const csv = (name, text) => ({ name, mimeType: "text/csv", buffer: Buffer.from(text) });

/** Presses Tab until the element that has the focus is called `name`. */
async function tabTo(page, name) {
    for (let presses = 0; presses < 80; presses += 1) {
        const found = await page.evaluate(() => {
            const at = document.activeElement;
            // Its text would be that of everything in it.
            if (at?.id === "main") return "";
            return at?.getAttribute("aria-label") ?? at?.labels?.[0]?.textContent?.trim() ?? at?.textContent?.trim() ?? "";
        });
        if (found.startsWith(name)) return;
        await page.keyboard.press("Tab");
    }
    assert.fail(`the keyboard does not reach "${name}"`);
}

test("a file is checked and imported by mouse", async ({ page, stack }) => {
    await signIn(page, stack);
    const before = (await stack.api("GET", "/users")).count;
    await page.locator("input[type=file]").setInputFiles(EXAMPLE);
    await page.getByRole("button", { name: "Check the file" }).click();
    await page.getByRole("heading", { name: "5 of 10 rows are ready. 5 need a correction." }).waitFor();
    assert.equal((await stack.api("GET", "/users")).count, before, "a check writes nothing");
    await page.getByRole("button", { name: "Create 5 users, keep 5 rows for correction" }).click();
    await page.getByRole("heading", { name: "5 created. 5 rows left to correct." }).waitFor();
    assert.equal((await stack.api("GET", "/users")).count, before + 5);
    await page.getByText("7 errors").waitFor();

    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download the 5 rows to correct" }).click();
    assert.equal((await download).suggestedFilename(), "people-with-errors to correct.csv");
});

test("a file is checked and imported by keyboard alone", async ({ page, stack }) => {
    // The browser has to know early that nobody is there to choose.
    const chooser = page.waitForEvent("filechooser", { timeout: 60_000 });
    await page.goto(`${stack.url}/#token=${stack.adminToken}`);
    await page.getByRole("dialog").waitFor();
    await tabTo(page, "Sign in");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Imports", exact: true }).waitFor();
    await tabTo(page, "Choose a file");
    await page.keyboard.press("Enter");
    await (await chooser).setFiles(csv("keys.csv", "email\nkeys@example.org\nkeys2@example.org\n"));
    await page.getByRole("heading", { name: "keys.csv" }).waitFor();
    await tabTo(page, "Check the file");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "All 2 rows are ready." }).waitFor();
    await tabTo(page, "Create 2 users");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Done: 2 created." }).waitFor();
});

/** The example with addresses that no other test has. */
const example = mark => csv(`${mark}.csv`, readFileSync(EXAMPLE, "utf8").replaceAll(/@example.org/gi, `@${mark}.example`));

/** Waits until every row was checked by the service. */
const settled = page => page.locator(".state", { hasText: "checking" }).first().waitFor({ state: "detached" });

test("a file is corrected to nothing left, by mouse, and a step can be taken back", async ({ page, stack }) => {
    await signIn(page, stack);
    await importFile(page, example("mouse"), 5);
    await page.getByRole("button", { name: "Correct 5 rows" }).click();
    await page.getByRole("heading", { name: "5 of 5 rows left" }).waitFor();
    const causes = page.getByRole("region", { name: "Causes" });
    for (const [cause, remedy] of [
        ["Unknown role", "Apply to 1 row"], ["Mobile number", "Empty the cell"], ["Role that cannot", "Apply to 1 row"],
        ["Address repeats", "Leave out 1 row"], ["Wrong number", "Add empty cells to 1 short row"],
    ]) {
        await causes.getByRole("button", { name: cause }).click();
        await page.getByRole("button", { name: remedy }).click();
        await settled(page);
    }
    await page.getByRole("button", { name: "Undo" }).click();
    await causes.getByRole("button", { name: "Wrong number" }).waitFor();
    await page.getByRole("button", { name: "Redo" }).click();
    await causes.getByRole("button", { name: "Wrong number" }).waitFor({ state: "detached" });
    await causes.getByRole("button", { name: "All rows to correct" }).click();
    await page.getByLabel("email, line 4").fill("edsger@mouse.example");
    await page.getByLabel("email, line 6").fill("tim@mouse.example");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Nothing left of 5 rows" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Nothing left of 5 rows" }).waitFor();
    await page.getByRole("button", { name: "Import 4 corrected rows" }).click();
    await page.getByRole("heading", { name: "Done: 4 created." }).waitFor();
    assert.equal((await stack.api("GET", "/users?searchText=mouse.example")).count, 9);
    assert.equal(await page.evaluate(() => sessionStorage.length), 1, "only the token is kept");
});

test("a file is corrected to nothing left by keyboard alone", async ({ page, stack }) => {
    await signIn(page, stack);
    await importFile(page, csv("keyboard.csv", "email,firstName,roles\na@,A,\nb@keyboard.example,B,Wizard\n"), 0);
    await tabTo(page, "Correct 2 rows");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "2 of 2 rows left" }).waitFor();
    await page.keyboard.press("F8");
    await page.keyboard.type("a@keyboard.example");
    await page.keyboard.press("Enter");
    await page.keyboard.type("Collaborator");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Nothing left of 2 rows" }).waitFor();
    await page.keyboard.press("Control+z");
    await page.getByRole("heading", { name: "1 of 2 rows left" }).waitFor();
    await page.keyboard.press("Control+y");
    await page.getByRole("heading", { name: "Nothing left of 2 rows" }).waitFor();
    await page.keyboard.press("Control+Home");
    await page.evaluate(() => document.getElementById("main").focus());
    await tabTo(page, "Import 2 corrected rows");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Done: 2 created." }).waitFor();
});

test("telephone numbers get their country together", async ({ page, stack }) => {
    await signIn(page, stack);
    const rows = [1, 2, 3].map(row => `p${row}@phone.example,020 7946 000${row}\n`).join("");
    await importFile(page, csv("phones.csv", `email,mobileNumber\n${rows}`), 0);
    await page.getByRole("button", { name: "Correct 3 rows" }).click();
    await page.getByRole("region", { name: "Causes" }).getByRole("button", { name: "Mobile number" }).click();
    await page.getByLabel("Country of these numbers").selectOption("United Kingdom");
    await page.getByRole("button", { name: "Apply to 3 rows" }).click();
    await page.getByRole("button", { name: "Import 3 corrected rows" }).click();
    await page.getByRole("heading", { name: "Done: 3 created." }).waitFor();
    const { items } = await stack.api("GET", "/users?searchText=p1@phone.example");
    assert.equal(items[0].mobileNumber, "+442079460001");
});

test("a file of Windows-1252 and a workbook arrive as they were meant", async ({ page, stack }) => {
    await signIn(page, stack);
    const text = "email;firstName;lastName\r\nz@umlaut.example;Zo\xeb;M\xfcller\r\ny@umlaut.example;J\xfcrgen;Gr\xf6\xdfe\r\n";
    const file = { name: "umlaut.csv", mimeType: "text/csv", buffer: Buffer.from(text, "latin1") };
    await page.locator("input[type=file]").setInputFiles(file);
    await page.getByRole("radio", { name: /windows-1252.*Zo\xeb;M\xfcller/ }).and(page.locator(":checked")).waitFor();
    await page.getByRole("link", { name: "Imports" }).first().click();
    await importFile(page, file, 2);
    const [zoe] = (await stack.api("GET", "/users?searchText=z@umlaut.example")).items;
    assert.deepEqual([zoe.firstName, zoe.lastName], ["Zo\xeb", "M\xfcller"]);

    const book = workbook({
        Notes: [["nothing to see"]],
        Autumn: [["email", "firstName", "mobileNumber", "externalUserId"], ["s@sheet.example", "S\xf8ren", "+4520123456", 46022]],
    });
    await page.getByRole("link", { name: "Imports" }).first().click();
    await page.locator("input[type=file]").setInputFiles({ name: "people.xlsx", mimeType: "", buffer: book });
    await page.locator('select[data-part="sheet"]').selectOption("Autumn");
    await page.getByRole("button", { name: "Check the file" }).click();
    await page.getByRole("button", { name: "Create 1 user" }).click();
    await page.getByRole("heading", { name: "Done: 1 created." }).waitFor();
    const [soren] = (await stack.api("GET", "/users?searchText=s@sheet.example")).items;
    assert.deepEqual([soren.firstName, soren.mobileNumber, soren.externalUserId], ["S\xf8ren", "+4520123456", "46022"]);
});

test("100,000 rows to correct: the first cause, a key, and the memory", async ({ page, stack }) => {
    const rows = Array.from({ length: 100_000 }, (_, row) => `row${row}@many.example,F${row},Last,Wizard${row % 7}\n`).join("");
    await signIn(page, stack);
    await importFile(page, csv("many.csv", `email,firstName,lastName,roles\n${rows}`), 0);
    const began = Date.now();
    await page.getByRole("button", { name: "Correct 100,000 rows" }).click();
    await page.getByRole("region", { name: "Causes" }).getByRole("button", { name: "Unknown role" }).waitFor();
    const first = Date.now() - began;
    await page.getByText("More rows are on their way").waitFor({ state: "detached", timeout: 120_000 });
    const input = page.getByRole("region", { name: "Rows" }).locator("table input").first();
    await input.focus();
    const painted = await page.evaluate(() => new Promise(resolve => {
        let started = 0;
        document.activeElement.addEventListener("input", () => requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - started))));
        started = performance.now();
        document.execCommand("insertText", false, "x");
    }));
    const memory = await page.evaluate(() => performance.memory.usedJSHeapSize / 1e6);
    console.log(`    first cause ${first} ms, key to paint ${Math.round(painted)} ms, heap ${Math.round(memory)} MB`);
    // The aim is 2 s for the first cause on a machine at rest; what is printed says how far it is from that.
    assert.ok(first < 10_000 && painted < 100 && memory < 300);
});

test("rows are pasted, and a file is dropped anywhere", async ({ page, stack }) => {
    await signIn(page, stack);
    await page.evaluate(() => {
        const data = new DataTransfer();
        data.setData("text/plain", "email\tfirstName\npasted@example.org\tPat\n");
        document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
    });
    await page.getByRole("heading", { name: "pasted rows.tsv" }).waitFor();
    await page.getByRole("button", { name: "Check the file" }).click();
    await page.getByRole("heading", { name: "The 1 row is ready." }).waitFor();
    await page.evaluate(() => {
        const data = new DataTransfer();
        data.items.add(new File(["email\ndropped@example.org\n"], "dropped.csv"));
        for (const type of ["dragover", "drop"]) {
            document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
        }
    });
    await page.getByRole("heading", { name: "dropped.csv" }).waitFor();
});

test("a reload and a second tab show the same", async ({ page, context, stack }) => {
    await signIn(page, stack);
    await importFile(page, csv("same.csv", "email\nsame@example.org\nsame@\n"), 1);
    const address = page.url();
    const headings = async one => {
        await one.getByRole("heading", { name: "1 created. 1 row left to correct." }).waitFor();
        await one.locator("[data-part=errors-list] table").waitFor();
        await one.locator("dd").filter({ hasText: "admin@example.org" }).waitFor();
        return one.locator("main").innerText();
    };
    const first = await headings(page);
    await page.reload();
    assert.equal(await headings(page), first);
    const second = await context.newPage();
    await second.goto(`${stack.url}/#token=${stack.adminToken}`);
    await second.getByRole("button", { name: "Sign in", exact: true }).click();
    await second.goto(address);
    assert.equal(await headings(second), first);
});

test("a killed server loses nothing, and the page goes on by itself", async ({ page, stack }) => {
    let own = await Stack.start();
    try {
        Object.assign(stack, { url: own.url, s3Endpoint: own.s3Endpoint });
        await signIn(page, own);
        const rows = Array.from({ length: 30_000 }, (_, row) => `killed${row}@example.org,K\n`).join("");
        await page.locator("input[type=file]").setInputFiles(csv("killed.csv", `email,firstName\n${rows}`));
        await page.getByRole("button", { name: "Check the file" }).click();
        await page.getByRole("button", { name: "Create 30,000 users" }).click();
        await page.getByRole("heading", { name: /^Running/ }).waitFor();
        await own.kill();
        await page.getByText("The service cannot be reached just now.").waitFor();
        own = await Stack.start(own.folder, own.port);
        stack.s3Endpoint = own.s3Endpoint;
        await page.getByRole("heading", { name: "Done: 30,000 created." }).waitFor({ timeout: 120_000 });
        assert.equal((await own.api("GET", "/users")).count, 30_001);
    } finally {
        await own.stop();
    }
});

test("hostile cells are shown as text and run nothing", async ({ page, stack }) => {
    await signIn(page, stack);
    const cells = [
        "<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "a\u202Egro.elpmaxe@b", "{{7*7}}", "javascript:alert(1)",
        "x".repeat(60_000),
    ];
    const rows = cells.map((cell, row) => `"${cell}@","${cell}",hostile${row}\n`).join("");
    page.on("dialog", () => assert.fail("a cell ran"));
    await page.locator("input[type=file]").setInputFiles(csv("<b>hostile</b>.csv", `email,firstName,lastName\ngood@example.org,,\n${rows}`));
    await page.getByRole("button", { name: "Check the file" }).click();
    await page.getByRole("heading", { name: "1 of 7 rows is ready. 6 need a correction." }).waitFor();
    await page.getByText("⟨U+202E⟩").first().waitFor();
    assert.equal(await page.locator("main img, main b:has-text('hostile')").count(), 0);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
});

test("a user edit that meets another's change loses neither", async ({ page, stack }) => {
    await signIn(page, stack);
    const user = await stack.api("POST", "/users", { email: "edit@example.org", firstName: "Ada", roles: ["ROLE_ORIGINATOR"] });
    await page.goto(`${stack.url}/#/users/${user.id}`);
    await page.getByLabel("First name").fill("Augusta");
    await stack.api("PUT", `/users/${user.id}`, { lastName: "King" });
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("heading", { name: "Somebody changed this account meanwhile" }).waitFor();
    await page.getByRole("cell", { name: "King" }).waitFor();
    await page.getByRole("button", { name: "Save mine over theirs" }).click();
    await page.getByRole("heading", { name: "Augusta King" }).waitFor();
    const { firstName, lastName } = await stack.api("GET", `/users/${user.id}`);
    assert.deepEqual([firstName, lastName], ["Augusta", "King"]);

    await page.getByLabel("Mobile number").fill("12345");
    await page.getByRole("button", { name: /^Save/ }).click();
    await page.getByLabel("Mobile number").and(page.locator("[aria-invalid=true]")).waitFor();
    await page.getByRole("button", { name: "Discard changes" }).click();
    await page.getByRole("button", { name: "Delete …" }).click();
    const last = page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true });
    assert.equal(await last.isDisabled(), true);
    await page.getByLabel("Type edit@example.org to confirm").fill("edit@example.org");
    await last.click();
    await page.getByRole("heading", { name: "Users", exact: true }).waitFor();
    await assert.rejects(stack.api("GET", `/users/${user.id}`), /404/);
});

test("users are found as one types, and the dashboard counts them", async ({ page, stack }) => {
    await stack.api("POST", "/users", { email: "findme@example.org", lastName: "Findable", roles: ["ROLE_COLLABORATOR"] });
    await signIn(page, stack);
    await page.getByRole("link", { name: "Users" }).click();
    await page.getByRole("searchbox").pressSequentially("findable");
    await page.getByText("1 to 1 of 1").waitFor();
    await page.getByLabel("Select findme@example.org").check();
    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
    await page.getByText("◼ Disabled").waitFor();
    await page.getByRole("link", { name: "Dashboard" }).click();
    await page.getByRole("heading", { name: "By role" }).waitFor();
    const { totalUsers } = await stack.api("GET", "/dashboard/users");
    assert.equal(await page.locator("[data-part=total]").first().textContent(), String(totalUsers));
});

test("a token that ends in the middle loses nothing that was typed", async ({ page, stack }) => {
    const admin = await stack.api("POST", "/users", { email: "admin2@example.org", roles: ["ROLE_SYSTEM_ADMIN", "ROLE_ORIGINATOR"] });
    const token = async () => (await stack.api("POST", `/users/${admin.id}/tokens`, {})).accessToken;
    await page.goto(stack.url);
    await page.getByLabel("Access token").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This token is not valid.").waitFor();
    await page.getByLabel("Access token").fill(await token());
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("link", { name: "Contacts" }).click();
    await page.getByLabel("Email address").fill("typed@example.org");
    await stack.api("PUT", `/users/${admin.id}/expire`);
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByText("Your access token has ended.").waitFor();
    await page.getByLabel("Access token").fill(await token());
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("cell", { name: "typed@example.org", exact: true }).waitFor();

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign out here" }).click();
    await page.getByText("You are signed out.").waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length + localStorage.length + document.cookie.length), 0);
});

test("the link of one machine asks first and leaves no token in the address", async ({ page, stack }) => {
    await page.goto(`${stack.url}/#token=${stack.adminToken}`);
    await page.getByRole("heading", { name: "Sign in as admin@example.org?" }).waitFor();
    assert.equal(page.url(), `${stack.url}/`);
    await page.keyboard.press("Escape");
    await page.getByLabel("Access token").waitFor();
});

test("the home page is small", async ({ page, stack }) => {
    let bytes = 0, requests = 0;
    page.on("response", async answer => {
        requests += 1;
        bytes += (await answer.body().catch(() => Buffer.alloc(0))).length;
    });
    await signIn(page, stack);
    await page.waitForTimeout(300);
    console.log(`    ${bytes} bytes in ${requests} requests`);
    assert.ok(bytes < 120 * 1024, `${bytes} bytes`);
});

test("axe finds nothing in any state, light and dark, wide and at 320 pixels", async ({ page, stack }) => {
    const found = [], look = async name => found.push(...await audit(page, name));
    await page.goto(stack.url);
    await page.getByLabel("Access token").waitFor();
    await look("sign in");
    await page.goto("about:blank");
    await signIn(page, stack);
    await look("imports");
    await page.locator("input[type=file]").setInputFiles(csv("odd.csv", "E-Mail,Vornam,Notes\na@example.org,Ada,x\n"));
    await page.getByRole("button", { name: "Close" }).waitFor();
    await look("columns to decide");
    await page.getByRole("link", { name: "Imports" }).first().click();
    await page.locator("input[type=file]").setInputFiles(example("axe"));
    await page.getByText("all known").waitFor();
    await look("new");
    await page.getByRole("button", { name: "Check the file" }).click();
    await page.locator("[data-part=errors-list] table").waitFor();
    await look("check");
    await page.getByRole("button", { name: /^Create 5 users/ }).click();
    await page.getByRole("button", { name: "Correct 5 rows" }).click();
    await page.getByRole("heading", { name: "5 of 5 rows left" }).waitFor();
    await look("correct");
    await page.getByRole("region", { name: "Causes" }).getByRole("button", { name: "Unknown role" }).click();
    await look("a cause");
    await page.goto(`${stack.url}/#/users`);
    await page.getByText("admin@example.org", { exact: true }).last().waitFor();
    await look("users");
    await page.getByRole("checkbox").last().check();
    await look("selection");
    await page.goto(`${stack.url}/#/users/new`);
    await page.getByLabel("Email address").fill("tim@");
    await page.getByRole("button", { name: "Create" }).click();
    await page.locator("[aria-invalid=true]").first().waitFor();
    await look("faults of a user");
    await page.getByRole("button", { name: "Sign out" }).click();
    await look("dialog");
    await page.keyboard.press("Escape");
    await page.getByLabel("Email address").fill("");
    await page.goto(`${stack.url}/#/dashboard`);
    await page.getByRole("heading", { name: "By role" }).waitFor();
    await look("dashboard");
    assert.deepEqual(found, []);
});

/** Renews the pictures of the README: small ones, because every clone has them. */
async function pictures(stack, browser) {
    const folder = new URL("../../docs/", import.meta.url).pathname;
    const { page, context } = await visit(browser, stack, { viewport: { width: 960, height: 560 } });
    await signIn(page, stack);
    await importFile(page, EXAMPLE, 5);
    await page.getByRole("button", { name: "Correct 5 rows" }).click();
    await page.getByRole("heading", { name: "5 of 5 rows left" }).waitFor();
    await page.setViewportSize({ width: 1240, height: 640 });
    await page.getByLabel("email, line 6").fill("tim@example.org");
    await page.keyboard.press("Enter");
    await settled(page);
    await page.mouse.move(0, 0);
    await page.screenshot({ path: `${folder}page-correct.png` });
    await page.setViewportSize({ width: 960, height: 560 });
    await page.getByRole("link", { name: "Imports" }).first().click();
    await page.getByText("5 created, 5 failed").waitFor();
    await page.waitForTimeout(300);
    await page.screenshot({ path: `${folder}page-imports.png` });
    await context.close();
}

async function main() {
    if (process.argv[2] === "--pictures") {
        const [stack, browser] = await Promise.all([Stack.start(), launch()]);
        await pictures(stack, browser);
        await browser.close();
        await stack.stop();
        return;
    }
    const wanted = process.argv.slice(2);
    const chosen = tests.filter(([name]) => !wanted.length || wanted.some(part => name.includes(part)));
    const [shared, browser] = await Promise.all([Stack.start(), launch()]);
    let failed = 0;
    for (const [name, run] of chosen) {
        const started = Date.now(), stack = Object.assign(Object.create(Object.getPrototypeOf(shared)), shared);
        const { page, context, faults } = await visit(browser, stack);
        page.setDefaultTimeout(20_000);
        let fault;
        try {
            await run({ page, context, stack });
            assert.deepEqual(faults, []);
        } catch (error) {
            fault = error;
            failed += 1;
            await page.screenshot({ path: `target/page/failed-${failed}.png` }).catch(() => {});
        }
        console.log(`${fault ? "FAILED" : "ok"} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
        if (fault) console.log(String(fault.stack ?? fault).replace(/^/gm, "    "));
        await context.close();
    }
    await browser.close();
    await shared.stop();
    console.log(`${chosen.length - failed} of ${chosen.length} passed`);
    process.exitCode = failed ? 1 : 0;
}

await main();
