// The page (`--report html=`) in a real browser: nothing is said on the console and nothing is asked for, click and filter
// work, both colour schemes have enough contrast, axe-core finds nothing, and what is printed is whole.
//
//     node tests/browser/page.mjs FLOWDIFF WORK
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { HOSTILE, write } from "./logs.mjs";

const [flowdiff, work] = process.argv.slice(2).map((name) => path.resolve(name));
const installed = createRequire(path.join(work, "package.json"));
const { chromium } = installed("playwright-core");
const axe = fs.readFileSync(installed.resolve("axe-core/axe.min.js"), "utf8");

function report(name, logs, ...more) {
  const folder = path.join(work, name);
  fs.rmSync(folder, { recursive: true, force: true });
  const sides = write(folder, logs);
  const [page, json] = ["page.html", "report.json"].map((file) => path.join(folder, file));
  const run = spawnSync(flowdiff, ["check", sides.s3, sides.cwl, "-q", "--report", "html=" + page, "--report", "json=" + json, ...more], { encoding: "utf8" });
  assert.equal(run.status, 1, run.stderr);
  return { page, json, folder };
}

const ordinary = report("ordinary", { interfaces: 40, slots: 36, hostile: false });
const hostile = report("hostile", { interfaces: 40, slots: 12, hostile: true });
const redacted = report("redacted", { interfaces: 8, slots: 12, hostile: false }, "--redact");

// The page of `flowdiff history`, of a job that has read the same logs window by window.
function history(name, logs) {
  const folder = path.join(work, name);
  fs.rmSync(folder, { recursive: true, force: true });
  const sides = write(folder, logs);
  const [state, archive, page] = ["state", "archive", "history.html"].map((file) => path.join(folder, file));
  const job = ["check", sides.s3, sides.cwl, "-q", "--state", state, "--archive", archive, "--step", "30m", "--max-windows", "99"];
  const times = ["--since", "2022-01-07T23:00:00Z", "--until", "2022-01-08T02:00:00Z", "--now", "2022-01-08T04:00:00Z"];
  const run = spawnSync(flowdiff, [...job, ...times], { encoding: "utf8" });
  assert.equal(run.status, 1, run.stderr);
  const told = spawnSync(flowdiff, ["history", archive, "--state", state, "-o", "html"], { encoding: "utf8", maxBuffer: 1 << 26 });
  assert.equal(told.status, 0, told.stderr);
  fs.writeFileSync(page, told.stdout);
  return page;
}

const of_job = history("history", { interfaces: 40, slots: 36, hostile: true });

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
let passed = 0;

// Opens a page that says nothing on the console, asks for nothing and runs no dialog.
async function open(file, colorScheme = "light") {
  const context = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => said.push("console: " + message.text()));
  page.on("pageerror", (error) => said.push("error: " + error));
  page.on("dialog", (dialog) => { said.push("dialog: " + dialog.message()); dialog.dismiss(); });
  page.on("request", (request) => { if (request.url() !== pathToFileURL(file).href) said.push("request: " + request.url()); });
  await page.goto(pathToFileURL(file).href);
  return { page, said, close: () => context.close() };
}

async function test(name, body) {
  await body();
  console.log("ok " + name);
  passed++;
}

for (const scheme of ["light", "dark"]) {
  await test(`axe-core finds nothing, ${scheme}`, async () => {
    const { page, said, close } = await open(ordinary.page, scheme);
    await page.screenshot({ path: path.join(work, scheme + ".png") });
    await page.locator("#map").scrollIntoViewIfNeeded();
    await page.screenshot({ path: path.join(work, scheme + "-map.png") });
    await page.locator("#findings").scrollIntoViewIfNeeded();
    await page.screenshot({ path: path.join(work, scheme + "-findings.png") });
    for (const details of await page.locator("details").all()) await details.evaluate((it) => { it.open = true; });
    // The policy lets no other script in; the debugger's is none of the page's.
    const found = await page.evaluate(`(async () => { ${axe}; return (await axe.run()).violations.map((it) => it.id + ": " + it.nodes.map((node) => node.html.slice(0, 200) + " " + node.failureSummary).join("; ")); })()`);
    assert.deepEqual(found, []);
    assert.deepEqual(said, []);
    await close();
  });
}

await test("click and filter", async () => {
  const { page, said, close } = await open(ordinary.page);
  const all = await page.locator("tbody.finding").count();
  const shown = () => page.locator("tbody.finding:visible").count();
  assert.ok(all > 20, `${all} findings`);
  assert.equal(await shown(), all);
  await page.locator("#filter-kind").selectOption("divergent");
  assert.ok(await shown() > 0 && await shown() < all);
  await page.locator("#filter-clear").click();
  await page.locator("#filter-word").fill("missing on s3");
  const of_s3 = await shown();
  assert.ok(of_s3 > 0 && of_s3 < all);
  await page.locator("#filter-clear").click();
  // The worst interface's name in the map, then one of its cells.
  const name = await page.locator("svg text[data-name]").first().getAttribute("data-name");
  await page.locator("svg text[data-name]").first().click();
  const of_name = await shown();
  assert.equal(of_name, await page.locator(`tbody.finding[data-interface="${name}"]`).count());
  assert.match(await page.locator("#filter-said").textContent(), new RegExp("of " + name));
  await page.locator("#map").focus();
  for (let at = 0; at < 3; at++) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  assert.equal(await shown(), 1);
  const wide = () => page.locator("#map svg").evaluate((svg) => svg.getBoundingClientRect().width);
  const before = await wide();
  await page.locator("#zoom-in").click();
  assert.equal(await wide(), 2 * before);
  assert.deepEqual(said, []);
  await close();
});

await test("the embedded report is the one of its hash and of the file", async () => {
  const { page, close } = await open(ordinary.page);
  const text = await page.locator("#report").evaluate((pre) => pre.textContent);
  const hash = (data) => createHash("sha256").update(data).digest("hex");
  assert.equal(await page.locator("#sha256").textContent(), hash(text));
  assert.equal(hash(fs.readFileSync(ordinary.json)), hash(text));
  await close();
});

await test("names are never markup", async () => {
  const { page, said, close } = await open(hostile.page);
  assert.equal(await page.locator("img").count(), 0);
  assert.equal(await page.locator("script").count(), 1);
  assert.ok((await page.locator("body").textContent()).includes(HOSTILE.slice(0, 20)));
  assert.deepEqual(said, []);
  await close();
});

for (const scheme of ["light", "dark"]) {
  await test(`of the history axe-core finds nothing, ${scheme}`, async () => {
    const { page, said, close } = await open(of_job, scheme);
    await page.screenshot({ path: path.join(work, scheme + "-history.png"), fullPage: true });
    for (const details of await page.locator("details").all()) await details.evaluate((it) => { it.open = true; });
    const found = await page.evaluate(`(async () => { ${axe}; return (await axe.run()).violations.map((it) => it.id + ": " + it.nodes.map((node) => node.html.slice(0, 200) + " " + node.failureSummary).join("; ")); })()`);
    assert.deepEqual(found, []);
    assert.deepEqual(said, []);
    await close();
  });
}

await test("the history has a day for each day, no script, and names that are no markup", async () => {
  const { page, said, close } = await open(of_job);
  assert.equal(await page.locator("script").count(), 0);
  assert.equal(await page.locator("img").count(), 0);
  assert.ok((await page.locator("body").textContent()).includes(HOSTILE.slice(0, 20)));
  assert.match(await page.locator("h1").textContent(), /^Lost or changed: /);
  assert.equal(await page.locator("svg[aria-label^='A square'] rect").count(), 2);
  await page.locator("details summary").first().click();
  assert.ok(await page.locator("details table tbody tr").first().isVisible());
  await page.emulateMedia({ media: "print", colorScheme: "light" });
  await page.setViewportSize({ width: 760, height: 1000 });
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `${over} pixels are cut off`);
  assert.deepEqual(said, []);
  await close();
});

await test("without scripts it is whole", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(pathToFileURL(ordinary.page).href);
  assert.ok(await page.locator("tbody.finding").first().isVisible());
  assert.ok(await page.locator("#map svg").isVisible());
  assert.ok(!(await page.locator("#filter").isVisible()));
  await context.close();
});

await test("what is redacted is nowhere in it", async () => {
  const text = fs.readFileSync(redacted.page, "utf8");
  for (const telling of ["123456789010", "10.0.1.1 ", "eni-00000000000000001"]) assert.ok(!text.includes(telling), telling);
});

await test("printed it is whole", async () => {
  const { page, close } = await open(ordinary.page, "dark");
  const file = path.join(work, "page.pdf");
  await page.pdf({ path: file, format: "A4" });
  await page.emulateMedia({ media: "print", colorScheme: "light" });
  await page.setViewportSize({ width: 760, height: 1000 });
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `${over} pixels are cut off`);
  assert.ok(fs.statSync(file).size > 20_000);
  await page.screenshot({ path: path.join(work, "print.png") });
  await close();
});

await browser.close();
console.log(`\n${passed} passed, 0 failed`);
