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
    await page.getByRole("button", { name: "All imports" }).waitFor({ timeout: 120_000 });
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

    const { items } = await stack.api("GET", "/users?sortBy=createdAt&orderBy=DESC&limit=1");
    await page.goto(`${stack.url}/#/users/${items[0].id}`);
    await page.getByText(/imported, line \d+/).waitFor();
    await page.getByRole("link", { name: "Show the import" }).click();
    await page.getByRole("heading", { name: "5 created. 5 rows left to correct." }).waitFor();
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

test("the focus stays where the keyboard put it while the rest of a view arrives", async ({ page, stack }) => {
    await signIn(page, stack);
    await importFile(page, csv("focus.csv", "email\na@\n"), 0);
    await page.getByText("1 error").waitFor();
    // As on a slow line: the import is shown before its errors.
    await page.route("**/errors?*", async route => {
        await new Promise(resolve => { setTimeout(resolve, 1500); });
        await route.continue();
    });
    await page.reload();
    await page.getByRole("heading", { name: "No row is ready." }).waitFor();
    await tabTo(page, "All imports");
    await page.getByText("1 error").waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Imports", exact: true }).waitFor();
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

test("columns that nothing is known of are decided on the spot", async ({ page, stack }) => {
    await signIn(page, stack);
    const rows = "Kontakt,Vorname,Raum,Etage\nada@decide.example,Ada,12,2\n";
    await page.locator("input[type=file]").setInputFiles(csv("decide.csv", rows));
    await page.getByText("No column is known to have the addresses.").waitFor();
    await page.getByText("3 columns are unknown: Kontakt, Raum, Etage.").waitFor();
    await page.getByLabel("What Kontakt means").selectOption("Email address");
    await page.getByText("2 columns are unknown").waitFor();
    assert.equal(await page.getByRole("button", { name: "Check the file" }).isDisabled(), true);
    await page.getByRole("button", { name: "Leave them out" }).click();
    await page.getByText("4 columns, 2 left out").waitFor();
    await page.getByRole("button", { name: "Check the file" }).click();
    await page.getByRole("button", { name: "Create 1 user" }).click();
    await page.getByRole("heading", { name: "Done: 1 created." }).waitFor();
    assert.equal((await stack.api("GET", "/users?searchText=ada@decide.example")).items[0].firstName, "Ada");
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
        await one.locator("[data-part=causes-list] table").waitFor();
        await one.locator("dd").filter({ hasText: "admin@example.org" }).waitFor();
        // Each is fetched by itself.
        for (const part of ["It was checked before", "1 error", "1 account created"]) {
            await one.locator("main").getByText(part, { exact: false }).first().waitFor();
        }
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

test("the history of a user says who did what, and leads to imports", async ({ page, stack }) => {
    await signIn(page, stack);
    await importFile(page, csv("history.csv", "email,roles\nada@history.example,Originator\n"), 1);
    const { items: [ada] } = await stack.api("GET", "/users?searchText=ada@history.example");
    await stack.api("PUT", `/users/${ada.id}`, { roles: ["ROLE_COLLABORATOR"], lastName: "King" });
    await page.goto(`${stack.url}/#/users/${ada.id}`);
    await page.getByRole("heading", { name: "History: 2 acts" }).waitFor();
    await tabTo(page, "Show each");
    await page.keyboard.press("Enter");
    const rows = page.getByRole("table").last().getByRole("row");
    await rows.nth(1).getByRole("link", { name: "admin@example.org" }).waitFor();
    await rows.nth(1).getByText("Originator → Collaborator").waitFor();
    await rows.nth(1).getByText("Last name").waitFor();
    assert.ok(!(await rows.nth(1).textContent()).includes("King"), "values of persons are not told");
    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
    await page.getByRole("heading", { name: "History: 3 acts" }).waitFor();
    await rows.nth(1).getByText("yes → no").waitFor();
    assert.deepEqual(await audit(page, "history"), []);
    await rows.nth(3).getByRole("link", { name: "An import" }).click();
    await page.getByRole("heading", { name: "Done: 1 created." }).waitFor();

    await stack.api("DELETE", `/users/${ada.id}`);
    await page.goto(`${stack.url}/#/users/${ada.id}`);
    await page.getByRole("heading", { name: "This account was deleted" }).waitFor();
    await page.getByRole("heading", { name: "History: 4 acts" }).waitFor();
    assert.deepEqual(await audit(page, "deleted account"), []);
    await page.goto(`${stack.url}/#/users/${ada.id.replace(/.{4}$/, "aaaa")}`);
    await page.getByText("does not exist").waitFor();
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

test("a token that ends during a correction: what was typed is kept and goes in", async ({ page, stack }) => {
    const admin = await stack.api("POST", "/users", { email: "admin3@example.org", roles: ["ROLE_SYSTEM_ADMIN"] });
    const token = async () => (await stack.api("POST", `/users/${admin.id}/tokens`, {})).accessToken;
    await page.goto(stack.url);
    await page.getByLabel("Access token").fill(await token());
    await page.getByRole("button", { name: "Sign in" }).click();
    await importFile(page, csv("ends.csv", "email,firstName\na@,A\nb@,B\n"), 0);
    await page.getByRole("button", { name: "Correct 2 rows" }).click();
    await page.getByLabel("email, line 2").fill("first@ends.example");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "1 of 2 rows left" }).waitFor();
    await stack.api("PUT", `/users/${admin.id}/expire`);
    await page.getByLabel("email, line 3").fill("second@ends.example");
    await page.keyboard.press("Enter");
    await page.getByText("Your access token has ended.").waitFor();
    await page.getByLabel("Access token").fill(await token());
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Nothing left of 2 rows" }).waitFor();
    assert.equal(await page.getByLabel("email, line 2").inputValue(), "first@ends.example");
    assert.equal(await page.getByLabel("email, line 3").inputValue(), "second@ends.example");
    await page.getByRole("button", { name: "Import 2 corrected rows" }).click();
    await page.getByRole("heading", { name: "Done: 2 created." }).waitFor();
    assert.equal((await stack.api("GET", "/users?searchText=ends.example")).count, 2);
});

/** Signs in at the development issuer as the owner of `email`. */
async function atIssuer(page, email) {
    await page.getByLabel("Sign in as").fill(email);
    await page.getByRole("button", { name: "Sign in" }).click();
}

test("the issuer signs people in, in this tab and in another, and a foreign answer signs nobody in", async ({ page, context, stack }) => {
    const own = await Stack.start(undefined, 0, ["--issuer"]);
    try {
        const { issuer } = await (await fetch(`${own.url}/page/config.json`)).json();
        Object.assign(stack, { url: own.url, s3Endpoint: own.s3Endpoint, issuer: issuer.issuer });
        const user = await own.api("POST", "/users", { email: "ada@example.org", roles: ["ROLE_ORIGINATOR"] });
        const asked = [];
        page.on("request", request => asked.push(request.url()));
        const signIn = page.getByRole("button", { name: /^Sign in with 127/ });

        await page.goto(`${own.url}/?code=stolen&state=wrong`);
        await page.getByText("This sign-in did not begin in this browser").waitFor();
        assert.equal(page.url(), `${own.url}/`, "nothing of the answer stays in the address");
        await signIn.click();
        await page.getByLabel("Sign in as").waitFor();
        const state = new URL(page.url()).searchParams.get("state");
        await page.goto(`${own.url}/?error=access_denied&state=${state}`);
        await page.getByText("The issuer did not sign you in (access_denied).").waitFor();
        assert.ok(!asked.some(url => url.startsWith(issuer.tokenEndpoint)), "no code was exchanged");

        await signIn.click();
        await atIssuer(page, "nobody@example.org");
        await page.getByText("no account here is yours").waitFor();
        await signIn.click();
        await atIssuer(page, "ada@example.org");
        await page.getByRole("heading", { name: "Contacts" }).waitFor();
        assert.equal(page.url().includes("code="), false);
        assert.equal(await page.evaluate(() => Object.keys(sessionStorage).join()), "token");

        await own.api("PUT", `/users/${user.id}`, { roles: ["ROLE_SYSTEM_ADMIN"] });
        await page.goto(`${own.url}/#/imports`);
        await page.reload();
        await importFile(page, csv("issuer.csv", "email\nwrong@\n"), 0);
        await page.getByRole("button", { name: "Correct 1 row" }).click();
        await page.getByLabel("email, line 2").waitFor();
        await own.api("PUT", `/users/${user.id}/expire`);
        // Tokens have whole seconds, so one of the same second counts as older.
        await page.waitForTimeout(1100);
        await page.getByLabel("email, line 2").fill("right@example.org");
        await page.keyboard.press("Enter");
        const opened = context.waitForEvent("page");
        await page.getByRole("button", { name: "in a new tab" }).click();
        const other = await opened;
        await atIssuer(other, "ada@example.org");
        await other.getByText("You are signed in. Go on in the other tab").waitFor();
        assert.equal(await other.evaluate(() => sessionStorage.length), 0);
        await page.getByRole("heading", { name: "Nothing left of 1 row" }).waitFor();
        assert.equal(await page.getByLabel("email, line 2").inputValue(), "right@example.org");
    } finally {
        await own.stop();
    }
});

test("10,000 rows with 412 errors of 7 kinds come in with few clicks", async ({ page, stack }) => {
    const kinds = [
        [150, row => `k${row}@clicks.example,Kim,,Colaborator`], [120, row => `p${row}@clicks.example,Pat,020 7946 0${100 + row % 900},`],
        [60, row => `Max <m${row}@clicks.example>,Max,,`], [30, () => "good0@clicks.example,Dee,,"], [20, () => ",Noa,,Originator"],
        [20, row => `h${row}@clicks.example,Hal,,ROLE_ADHOC_COLLABORATOR`], [12, row => `s${row}@clicks.example,Sam`],
    ];
    const rows = Array.from({ length: 9588 }, (_, row) => `good${row}@clicks.example,G,,Originator`);
    for (const [count, row] of kinds) rows.push(...Array.from({ length: count }, (_, place) => row(place)));
    await signIn(page, stack);
    await page.evaluate(() => {
        globalThis.acts = 0;
        for (const type of ["click", "keydown"]) {
            // A click on a label makes another one on its input, which nobody made.
            addEventListener(type, event => { if (event.isTrusted && (type === "keydown" || event.detail)) globalThis.acts += 1; }, true);
        }
        // A list is opened, and a choice is made.
        addEventListener("change", event => { if (event.target.matches("select")) globalThis.acts += 2; }, true);
    });
    await importFile(page, csv("clicks.csv", `email,firstName,mobileNumber,roles\n${rows.join("\n")}\n`), "9,588");
    await page.getByRole("button", { name: "Correct 412 rows" }).click();
    const causes = page.getByRole("region", { name: "Causes" });
    await page.getByRole("heading", { name: "412 of 412 rows left" }).waitFor();
    for (const [cause, remedy] of [
        ["Unknown role", "Use 150 suggestions"], ["Mobile number", "Apply to 120 rows"], ["Email address is not", "Use 60 suggestions"],
        [/^(Address repeats|Account changed since)/, "Leave out 30 rows"], ["Email address is missing", "Leave out 20 rows"],
        ["Role that cannot", "Apply to 20 rows"], ["Wrong number", "Add empty cells to 12 short rows"],
    ]) {
        await causes.getByRole("button", { name: cause }).click();
        if (cause === "Mobile number") await page.getByLabel("Country of these numbers").selectOption("United Kingdom");
        await page.getByRole("button", { name: remedy }).click();
        await settled(page);
    }
    await page.getByRole("heading", { name: "Nothing left of 412 rows" }).waitFor();
    await page.getByRole("button", { name: "Import 362 corrected rows" }).click();
    await page.getByRole("heading", { name: "Done: 362 created." }).waitFor();
    const acts = await page.evaluate(() => globalThis.acts);
    console.log(`    ${acts} clicks and keys after the file was chosen`);
    assert.ok(acts > 0 && acts <= 25, String(acts));
});

test("an import names its causes, and its rows are followed to the import that corrected them", async ({ page, stack }) => {
    await signIn(page, stack);
    await importFile(page, example("causes"), 5);
    const causes = page.locator("[data-part=causes-list]");
    const role = causes.getByRole("row", { name: "Unknown role" });
    await role.getByText("Wizard").waitFor();
    await role.getByRole("button", { name: /^Show/ }).click();
    await page.getByRole("heading", { name: /Unknown role, 1 time/ }).waitFor();
    assert.equal(await page.locator("[data-part=errors] tbody tr").count(), 1);
    await page.locator("[data-part=errors]").getByRole("button", { name: "Hide" }).click();
    await page.getByRole("heading", { name: "7 errors" }).waitFor();
    await page.getByRole("button", { name: "Correct 5 rows" }).click();
    await page.getByRole("region", { name: "Causes" }).getByRole("button", { name: "Wrong number" }).click();
    await page.getByRole("button", { name: "Add empty cells to 1 short row" }).click();
    await page.getByRole("button", { name: "Import 1 corrected row, keep 4" }).click();
    await page.getByRole("heading", { name: "1 created. 4 rows left to correct." }).waitFor();
    await page.getByRole("link", { name: "causes.csv", exact: true }).click();
    await page.getByRole("heading", { name: "5 created. 5 rows went on to a correction." }).waitFor();
    await page.getByRole("link", { name: "causes, corrected.csv" }).click();
    await page.getByText("It has the rejected rows of").waitFor();
    // A row has the number that it has in the person's own file, in every round.
    await page.getByRole("button", { name: "Correct 4 rows" }).click();
    await page.getByLabel("email, line 11").waitFor();
    assert.equal(await page.getByLabel("email, line 6").inputValue(), "tim@");
});

test("what would become of accounts is shown before, done as shown, and taken back", async ({ page, stack }) => {
    const before = await stack.api("POST", "/users", { email: "known@undo.example", firstName: "Ada", roles: ["ROLE_ORIGINATOR"] });
    await signIn(page, stack);
    const rows = "known@undo.example,Augusta\nnew@undo.example,Grace\nother@undo.example,Joan\n";
    await page.locator("input[type=file]").setInputFiles(csv("undo.csv", `email,firstName\n${rows}`));
    await page.getByRole("radio", { name: /^Create or update/ }).check();
    await page.getByRole("button", { name: "Check the file" }).click();
    const known = page.getByRole("row", { name: /known@undo.example/ });
    await known.getByText("Ada → Augusta").waitFor();
    assert.equal((await stack.api("GET", `/users/${before.id}`)).firstName, "Ada");
    // The file is with the service: a reload of the tab does not lose the check.
    await page.reload();
    await page.getByRole("button", { name: "Create 2 users and update 1" }).click();
    await page.getByRole("heading", { name: "Done: 2 created, 1 updated." }).waitFor();
    assert.equal((await stack.api("GET", `/users/${before.id}`)).firstName, "Augusta");
    await page.getByText("It was checked before:").waitFor();

    const { items: [other] } = await stack.api("GET", "/users?searchText=other@undo.example");
    await stack.api("PUT", `/users/${other.id}`, { lastName: "Clarke" });
    await page.getByRole("button", { name: "Take it back" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Take it back" }).click();
    await page.getByRole("heading", { name: /^Taken back: 1 deleted, 1 given back. 1 account kept/ }).waitFor();
    await page.getByRole("row", { name: /Account changed since/ }).waitFor();
    assert.equal((await stack.api("GET", `/users/${before.id}`)).firstName, "Ada");
    assert.equal((await stack.api("GET", "/users?searchText=undo.example")).count, 2);
    await page.getByRole("link", { name: "Imports" }).first().click();
    await page.getByText("↩ Taken back").first().waitFor();
});

test("people who are not in a roster are shown before, disabled, and enabled again", async ({ page, stack }) => {
    // Everybody else would be missing.
    const own = await Stack.start();
    try {
        Object.assign(stack, { url: own.url, s3Endpoint: own.s3Endpoint });
        await signIn(page, own);
        const people = Array.from({ length: 10 }, (_, row) => `p${row}@roster.example\n`);
        await importFile(page, csv("all.csv", `email\n${people.join("")}`), 10);
        await page.getByRole("link", { name: "Imports" }).first().click();
        const roster = csv("roster.csv", `email\n${people.slice(1).join("")}`);
        await page.locator("input[type=file]").setInputFiles(roster);
        await page.getByRole("radio", { name: /^Disable them/ }).waitFor({ state: "hidden" });
        await page.getByRole("radio", { name: /^Create or update/ }).check();
        await page.getByRole("radio", { name: /^Disable them/ }).check();
        await page.getByLabel("Nobody is disabled if more").fill("9");
        assert.deepEqual(await audit(page, "roster"), []);
        await page.getByRole("button", { name: "Check the file" }).click();
        await page.getByText("1 account is not in the file and would not be disabled, because that is more than 9 per cent of 10 (if its changes").waitFor();
        await page.getByRole("row", { name: /p0@roster.example/ }).getByText("not in the file").waitFor();

        await page.getByRole("link", { name: "Imports" }).first().click();
        await page.locator("input[type=file]").setInputFiles(roster);
        await page.getByRole("radio", { name: /^Create or update/ }).check();
        await page.getByRole("radio", { name: /^Disable them/ }).check();
        await page.getByRole("button", { name: "Check the file" }).click();
        await page.getByRole("row", { name: /p0@roster.example/ }).getByText("would be disabled").waitFor();
        const enabled = async () => (await own.api("GET", "/users?searchText=p0@roster.example")).items[0].enabled;
        assert.equal(await enabled(), true);
        await page.getByRole("button", { name: "Disable 1 user" }).click();
        await page.getByRole("heading", { name: "Done: 9 unchanged, 1 disabled." }).waitFor();
        assert.equal(await enabled(), false);
        await page.getByRole("button", { name: "Take it back" }).click();
        await page.getByRole("dialog").getByRole("button", { name: "Take it back" }).click();
        await page.getByRole("heading", { name: "Taken back: 1 given back, 9 as before." }).waitFor();
        assert.equal(await enabled(), true);

        await page.getByRole("link", { name: "Imports" }).first().click();
        await page.locator("input[type=file]").setInputFiles(csv("whole.csv", `email\n${people.join("")}`));
        await page.getByRole("radio", { name: /^Create or update/ }).check();
        await page.getByRole("radio", { name: /^Disable them/ }).check();
        await page.getByRole("button", { name: "Check the file" }).click();
        await page.getByText("No account is missing from the file.").waitFor();
    } finally {
        await own.stop();
    }
});

test("an administrator settles the address that an owner asks for with one click", async ({ page, stack }) => {
    const owner = await stack.api("POST", "/users", { email: "old@pending.example", roles: ["ROLE_ORIGINATOR"] });
    const { accessToken } = await stack.api("POST", `/users/${owner.id}/tokens`, {});
    await page.goto(stack.url);
    await page.getByLabel("Access token").fill(accessToken);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("link", { name: "old@pending.example" }).click();
    await page.getByRole("heading", { name: "old@pending.example" }).waitFor();
    await page.getByLabel("Email address").fill("first@pending.example");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByRole("heading", { name: "You ask for the address first@pending.example" }).waitFor();
    assert.equal(await page.getByLabel("Email address").inputValue(), "old@pending.example");
    await page.getByRole("button", { name: "Withdraw" }).click();
    await page.getByRole("heading", { name: /You ask/ }).waitFor({ state: "hidden" });
    assert.equal((await stack.api("GET", `/users/${owner.id}`)).pendingEmail, null);
    await page.getByLabel("Email address").fill("second@pending.example");
    await page.getByRole("button", { name: /^Save/ }).click();
    await page.getByRole("heading", { name: "You ask for the address second@pending.example" }).waitFor();

    await page.evaluate(() => sessionStorage.clear());
    await page.goto("about:blank");
    await signIn(page, stack);
    await page.getByRole("link", { name: "Users" }).click();
    await page.getByRole("searchbox").fill("pending.example");
    await page.getByText("asks for second@pending.example").waitFor();
    await page.goto(`${stack.url}/#/users/${owner.id}`);
    await page.getByRole("button", { name: "Make it the address" }).click();
    await page.getByRole("heading", { name: /The owner asks/ }).waitFor({ state: "hidden" });
    const { email, pendingEmail } = await stack.api("GET", `/users/${owner.id}`);
    assert.deepEqual([email, pendingEmail], ["second@pending.example", null]);
});

/** The controls that the sticky header, or anything else, covers when they have the focus. */
async function coveredOnTab(page) {
    const covered = [];
    await page.evaluate(() => { scrollTo(0, 0); document.getElementById("main").focus(); });
    for (let presses = 0; presses < 120; presses += 1) {
        await page.keyboard.press("Tab");
        const at = await page.evaluate(() => {
            const focused = document.activeElement, { left, top, width, height } = focused.getBoundingClientRect();
            if (focused === document.body || focused.closest("header")) return null;
            const seen = document.elementFromPoint(left + width / 2, top + Math.min(height / 2, 12));
            const isSeen = seen && (focused.contains(seen) || seen.contains(focused) || focused.labels?.[0]?.contains(seen));
            return { name: focused.outerHTML.slice(0, 120), isSeen: Boolean(isSeen) };
        });
        if (!at) break;
        if (!at.isSeen) covered.push(at.name);
    }
    return covered;
}

test("at 200 % nothing is cut off, and what has the focus is never covered", async ({ page, stack }) => {
    await signIn(page, stack);
    // A window of 1280 by 800 pixels at 200 %.
    await page.setViewportSize({ width: 640, height: 400 });
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    const look = async name => {
        assert.ok(await wide() <= 0, `${name} is wider than the window`);
        assert.deepEqual(await coveredOnTab(page), [], name);
    };
    await look("imports");
    await page.locator("input[type=file]").setInputFiles(example("zoom"));
    await page.getByText("all known").waitFor();
    await look("new");
    await page.getByRole("button", { name: "Check the file" }).click();
    await page.locator("[data-part=causes-list] table").waitFor();
    await look("check");
    await page.getByRole("button", { name: /^Create 5 users/ }).click();
    await page.getByRole("button", { name: "Correct 5 rows" }).click();
    await page.getByRole("heading", { name: "5 of 5 rows left" }).waitFor();
    await look("correct");
    await page.goto(`${stack.url}/#/users`);
    await page.getByRole("searchbox").waitFor();
    await look("users");
});

test("the link of one machine asks first and leaves no token in the address", async ({ page, stack }) => {
    await page.goto(`${stack.url}/#token=${stack.adminToken}`);
    await page.getByRole("heading", { name: "Sign in as admin@example.org?" }).waitFor();
    assert.equal(page.url(), `${stack.url}/`);
    await page.keyboard.press("Escape");
    await page.getByLabel("Access token").waitFor();
});

test("the home page is small", async ({ page, stack }) => {
    const sizes = [];
    page.on("requestfinished", request => sizes.push(request.sizes()));
    await signIn(page, stack);
    await page.waitForTimeout(500);
    const bytes = (await Promise.all(sizes)).reduce((sum, { responseBodySize }) => sum + responseBodySize, 0);
    console.log(`    ${bytes} bytes in ${sizes.length} requests`);
    assert.ok(sizes.length > 10 && bytes < 120 * 1024, `${bytes} bytes`);
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
    await page.locator("[data-part=causes-list] table").waitFor();
    await look("check");
    await page.getByRole("button", { name: /^Create 5 users/ }).click();
    await page.getByRole("button", { name: "Correct 5 rows" }).click();
    await page.getByRole("heading", { name: "5 of 5 rows left" }).waitFor();
    await look("correct");
    await page.getByRole("region", { name: "Causes" }).getByRole("button", { name: "Unknown role" }).click();
    await look("a cause");
    await page.goto(`${stack.url}/#/users`);
    await page.getByRole("searchbox").waitFor();
    await look("users");
    await page.getByRole("checkbox").last().check();
    await look("selection");
    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByRole("dialog").waitFor();
    await look("question before something dangerous");
    await page.keyboard.press("Escape");
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
    await page.getByLabel("email, line 4").fill("edsger@example.org");
    await page.getByLabel("email, line 6").fill("tim@example.org");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "4 of 5 rows left" }).waitFor();
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
        let fault, seen = "";
        try {
            await run({ page, context, stack });
            assert.deepEqual(faults, []);
        } catch (error) {
            fault = error;
            failed += 1;
            await page.screenshot({ path: `target/page/failed-${failed}.png` }).catch(() => {});
            seen = await page.locator("body").innerText().catch(() => "");
        }
        console.log(`${fault ? "FAILED" : "ok"} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
        if (fault) console.log(String(fault.stack ?? fault).replace(/^/gm, "    "));
        if (seen) console.log(seen.slice(0, 2000).replace(/^/gm, "    | "));
        await context.close();
    }
    await browser.close();
    await shared.stop();
    console.log(`${chosen.length - failed} of ${chosen.length} passed`);
    process.exitCode = failed ? 1 : 0;
}

await main();
