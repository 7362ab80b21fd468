// Looks at the pages in Chromium: `node browser.mjs`, with the settings of tests/e2e/page.rs in PAGE_TEST. Prints one line
// for each fault, and nothing else.
import { createRequire } from 'node:module';
import { mkdirSync } from 'node:fs';

const { tools, chromium, url, token, screenshots } = JSON.parse(process.env.PAGE_TEST);
const require = createRequire(`${tools}/browser/`);
const puppeteer = require('puppeteer-core');
const axe = require('axe-core').source;

const faults = [];
const check = (holds, fault) => {
    if (!holds) faults.push(fault);
};

mkdirSync(screenshots, { recursive: true });
// Chromium refuses its sandbox to root.
const args = process.getuid() === 0 ? ['--no-sandbox'] : [];
const browser = await puppeteer.launch({ executablePath: chromium, args, headless: 'shell' });

// Opens a page with the expected status, which records every message, dialog and request to another place.
const open = async (path, { width = 1600, scheme = 'light', status = 200 } = {}) => {
    const page = await browser.newPage();
    const at = `${path} ${width} ${scheme}`;
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.setViewport({ width, height: 900 });
    page.on('console', (message) => {
        // Chromium reports the status of an error.
        const is_expected = status !== 200 && message.text().includes(`status of ${status}`);
        check(is_expected, `${at}: console: ${message.text()}`);
    });
    page.on('pageerror', (error) => faults.push(`${at}: ${error}`));
    page.on('dialog', (dialog) => faults.push(`${at}: dialog ${dialog.message()}`));
    page.on('request', (request) => {
        const is_own = request.url().startsWith(`${url}/`) || request.url().startsWith('data:');
        check(is_own, `${at}: request to ${request.url()}`);
    });
    await page.authenticate({ username: '', password: token });
    const response = await page.goto(url + path);
    check(response.status() === status, `${at}: status ${response.status()}`);
    return { page, at };
};

const rows = (page) => page.$$eval('tbody tr', (rows) => rows.length);

// Axe runs in a world of its own, because the page allows no script. It needs the policy to be off.
const accessible = async (page, at) => {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    for (const { id, impact, nodes } of violations) {
        const is_serious = ['serious', 'critical'].includes(impact);
        check(!is_serious, `${at}: axe ${impact} ${id}: ${nodes.map(({ html }) => html.slice(0, 200))}`);
    }
};

const looks = async () => {
    const pages = { start: '/', job: '/jobs/node_exporter', kept: '/jobs/api', hostile: '/jobs/hostile', empty: '/jobs/none' };
    for (const [name, path] of Object.entries(pages)) {
        for (const scheme of ['light', 'dark']) {
            for (const width of [375, 1600]) {
                const { page, at } = await open(path, { width, scheme });
                const wide = await page.evaluate(() => document.documentElement.scrollWidth);
                check(wide <= width, `${at}: the page is ${wide} pixels wide`);
                const foreign = await page.$$eval('script, img, svg, iframe, b, i, [onerror], [onload]', (all) => all.length);
                check(foreign === 0, `${at}: ${foreign} foreign elements`);
                await page.screenshot({ path: `${screenshots}/${name}-${scheme}-${width}.png`, fullPage: true });
                await accessible(page, at);
                await page.close();
            }
        }
    }
};

const walk = async () => {
    const { page } = await open('/');
    const follow = (act) => Promise.all([page.waitForNavigation(), act]);
    await follow(page.click('a[href$="jobs/fleet"]'));
    check((await page.title()).startsWith('fleet'), `the link leads to ${await page.title()}`);
    check((await rows(page)) === 200, `the first page has ${await rows(page)} rows`);
    await follow(page.click('a[rel=next]'));
    check((await rows(page)) === 5, `the second page has ${await rows(page)} rows`);
    await page.type('#q', 'HOST-003');
    await follow(page.keyboard.press('Enter'));
    check((await rows(page)) === 1, `the filter selects ${await rows(page)} rows`);
    await page.$eval('#q', (field) => (field.value = ''));
    await page.type('#match-0', '{__address__=~"host-00[1-4].*"}');
    await follow(page.click('form button'));
    check((await rows(page)) === 4, `the selector selects ${await rows(page)} rows`);
    // The first element that the keyboard reaches is the link to the start page.
    await page.keyboard.press('Tab');
    check((await page.evaluate(() => document.activeElement.textContent)) === 'http-sd', 'Tab skips the first link');
    await follow(page.keyboard.press('Enter'));
    check((await page.title()).endsWith('Jobs – http-sd'), `the first link leads to ${await page.title()}`);
    await page.type('#q', 'ODD/');
    await follow(page.keyboard.press('Enter'));
    // A job that is ambiguous in a path.
    await follow(page.click('tbody a'));
    check((await rows(page)) === 1, `the job odd/job has ${await rows(page)} rows`);
    await page.type('#q', 'no such group');
    await follow(page.keyboard.press('Enter'));
    check((await rows(page)) === 0, `the filter of odd/job selects ${await rows(page)} rows`);
    await follow(page.click('form a'));
    check((await rows(page)) === 1, `without a filter odd/job has ${await rows(page)} rows`);
    const metrics = await Promise.all([page.waitForNavigation(), page.click('footer a:last-of-type')]);
    check((await metrics[0].text()).includes('http_sd_up 1'), `the last link leads to ${page.url()}`);
    await page.close();
};

// Links of pages with a trailing slash, and of an error.
const back = async () => {
    for (const [path, status] of [['/jobs/fleet/', 200], ['/jobs/?job=fleet', 200], ['/jobs/fleet/?state=odd', 400]]) {
        const { page, at } = await open(path, { status });
        await Promise.all([page.waitForNavigation(), page.click('header a')]);
        check((await page.title()).endsWith('Jobs – http-sd'), `${at} leads back to ${page.url()}`);
        await page.close();
    }
};

const picture = async () => {
    const { page } = await open('/', { width: 1000 });
    await page.setViewport({ width: 1000, height: 560 });
    await page.screenshot({ path: `${screenshots}/picture.png` });
    await page.close();
};

try {
    // Without a token the browser asks for a password, and the test gives none.
    const page = await browser.newPage();
    const status = await page.goto(`${url}/`).then((response) => response.status(), (error) => error.message);
    check(status === 401 || /INVALID_AUTH_CREDENTIALS/.test(status), `without a token: ${status}`);
    await page.close();
    await looks();
    await walk();
    await back();
    await picture();
} catch (error) {
    faults.push(`${error.stack}`);
}
await browser.close();
console.log(faults.join('\n'));
