// `local`, started for a check and stopped after it.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const ROOT = new URL("../..", import.meta.url).pathname;
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");

export class Stack {
    /** Starts `local` over `folder`, or over a new one, with these further options. */
    static async start(folder = mkdtempSync(join(tmpdir(), "page-check-")), port = 0, options = []) {
        const stack = new Stack();
        stack.folder = folder;
        const ready = join(folder, "ready.json"), log = openSync(join(folder, "log"), "a");
        rmSync(ready, { force: true });
        const more = process.env.PAGE ? ["--page", process.env.PAGE] : [];
        stack.process = spawn(join(TARGET, "debug", "local"), [
            "--port", String(port), "--data", join(folder, "data"), "--ready-file", ready, ...more, ...options,
        ], { cwd: ROOT, stdio: ["ignore", log, log] });
        const ended = new Promise(resolve => stack.process.once("exit", resolve));
        stack.ended = ended;
        for (let waited = 0; !existsSync(ready); waited += 100) {
            if (stack.process.exitCode !== null || waited > 60_000) {
                throw new Error(`local did not start: ${readFileSync(join(folder, "log"), "utf8")}`);
            }
            await pause(100);
        }
        Object.assign(stack, JSON.parse(readFileSync(ready, "utf8")));
        return stack;
    }

    get port() {
        return Number(new URL(this.url).port);
    }

    /** Ends it at once, as a machine that loses its power. */
    async kill() {
        this.process.kill("SIGKILL");
        await this.ended;
    }

    async stop() {
        this.process.kill("SIGTERM");
        await this.ended;
        rmSync(this.folder, { recursive: true, force: true });
    }

    /** Asks the API, past the page. */
    async api(method, path, json, token = this.adminToken) {
        const answer = await fetch(`${this.url}/api/v1${path}`, {
            method,
            headers: { Authorization: `Bearer ${token}`, ...json ? { "Content-Type": "application/json" } : {} },
            body: json && JSON.stringify(json),
        });
        const text = await answer.text();
        if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
        return text ? JSON.parse(text) : null;
    }
}
