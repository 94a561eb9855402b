// Drives npm's @ctrl/qbittorrent against the bridge and checks what it gives; prints as JSON what the
// library offers and what of it was called. Given: the package's folder, and what there is, as JSON.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, given] = process.argv.slice(2);
const { QBittorrent } = await import(pathToFileURL(`${folder}/dist/src/index.js`));
const { url, place, done, underWay, torrentFile, later } = JSON.parse(given);
const hash = "a".repeat(40), other = "b".repeat(40);
const magnet = `magnet:?xt=urn:btih:${hash}&dn=Some.Show&tr=http%3A%2F%2Ftracker.example%2Fannounce`;

const offered = new Set();
for (let part = QBittorrent.prototype; part !== Object.prototype; part = Object.getPrototypeOf(part))
  for (const name of Object.getOwnPropertyNames(part)) offered.add(name);
const driven = new Set();
const client = new QBittorrent({ baseUrl: url, username: "admin", password: "pass-word" });
const c = new Proxy(client, {
  get(target, name) {
    const value = target[name];
    if (typeof value !== "function") return value;
    driven.add(name);
    return value.bind(target);
  },
});
const row = async (one = hash) => (await c.listTorrents({ hashes: one }))[0];

await assert.rejects(new QBittorrent({ baseUrl: url, username: "admin", password: "wrong" }).login());

// application
assert.equal(await c.login(), true);
assert.match(await c.version(), /^v(4\.5\.2|5\.1\.0)$/);
assert.equal(await c.getAppVersion(), later ? "v5.1.0" : "v4.5.2");
assert.equal(await c.getApiVersion(), later ? "2.11.4" : "2.8.19");
assert.equal(c.exportState().version.isVersion5OrHigher, later);
assert.equal(QBittorrent.createFromState({ baseUrl: url }, c.exportState()).state.auth.sid, client.state.auth.sid);
assert.equal(await c.getDefaultSavePath(), place);
assert.equal((await c.getBuildInfo()).bitness, 64);
await c.setPreferences({ max_active_downloads: 7, dht: false });
const preferences = await c.getPreferences();
assert.deepEqual([preferences.max_active_downloads, preferences.dht], [7, true]);

// adding
assert.equal(await c.addMagnet(magnet, { paused: "true", category: "by-hand", tags: "x,y" }), true);
let shown = await row();
assert.deepEqual([shown.category, shown.tags], ["by-hand", "x, y"]);
assert.equal(shown.state, later ? "stoppedDL" : "pausedDL");
const file = new Uint8Array(readFileSync(torrentFile));
assert.equal(await c.addTorrent(file, { filename: "again.torrent" }), true);
const normalized = await c.normalizedAddTorrent(`magnet:?xt=urn:btih:${other}`, { startPaused: true, label: "films" });
assert.deepEqual([normalized.id, normalized.label, normalized.state], [other, "films", "paused"]);
await assert.rejects(c.addMagnet("no magnet"));

// reading
const all = await c.getAllData();
assert.ok([done, underWay, hash, other].every((one) => all.torrents.some((torrent) => torrent.id === one)));
assert.ok(all.labels.some((label) => label.id === "films" && label.count === 1));
const complete = await c.getTorrent(done);
assert.deepEqual([complete.isCompleted, complete.progress], [true, 1]);
assert.equal((await c.torrentProperties(done)).hash, done);
assert.deepEqual((await c.torrentFiles(done)).map((one) => one.name).sort(), ["Done/Done.mkv", "Done/Notes/a.txt"]);
assert.deepEqual(await c.torrentWebSeeds(done), []);
const states = await c.torrentPieceStates(done);
assert.ok(states.length > 0 && states.every((state) => state === 2));
assert.equal((await c.torrentPieceHashes(done)).length, states.length);
assert.equal((await c.torrentPeers(done)).full_update, true);
const whole = await c.getSyncMainData();
assert.ok(whole.torrents[done] && whole.full_update);
assert.equal((await c.getSyncMainData(whole.rid)).full_update, undefined);
assert.deepEqual(new Uint8Array(await c.requestArrayBuffer("/torrents/export", { hash: done })), file);
assert.equal(await c.request("/app/version", "GET", undefined, undefined, undefined, false), await c.version());

// categories and tags
await c.createCategory("series", `${place}/series`);
await c.editCategory("series", `${place}/shows`);
assert.equal((await c.getCategories()).series.savePath, `${place}/shows`);
await c.setTorrentCategory(hash, "series");
assert.equal((await row()).category, "series");
await c.resetTorrentCategory(hash);
assert.equal((await row()).category, "");
await c.removeCategory("series");
assert.equal((await c.getCategories()).series, undefined);
await c.createTags("p,q");
await c.addTorrentTags(hash, "p,r");
await c.removeTorrentTags(hash, "x,y");
await c.deleteTags("p");
assert.equal((await row()).tags, "r");
assert.deepEqual((await c.getTags()).sort(), ["q", "r", "x", "y"]);

// verbs, wishes, order
for (const [go, hold] of [["startTorrent", "stopTorrent"], ["resumeTorrent", "pauseTorrent"]]) {
  await c[go](hash);
  assert.equal((await row()).state, "queuedDL");
  await c[hold](hash);
  assert.equal((await row()).state, later ? "stoppedDL" : "pausedDL");
}
await c.recheckTorrent(hash);
await c.reannounceTorrent(hash);
await c.setTorrentDownloadLimit(hash, 1000);
await c.setTorrentUploadLimit(hash, 2000);
assert.equal((await c.getTorrentDownloadLimit(hash))[hash], 1000);
assert.equal((await c.getTorrentUploadLimit(hash))[hash], 2000);
await c.bottomPriority(hash);
assert.ok((await row()).priority > (await row(other)).priority);
await c.topPriority(hash);
assert.equal((await row()).priority, 1);
await c.queueDown(hash);
await c.queueUp(hash);
assert.ok((await row()).priority < (await row(other)).priority);

// places and names
await c.setTorrentName(hash, "Another name");
await c.setTorrentLocation(hash, `${place}/kept`);
shown = await row();
assert.deepEqual([shown.name, shown.save_path], ["Another name", `${place}/kept`]);
await c.setFilePriority(done, "0", 1);
await c.renameFile(done, "Done/Notes/a.txt", "Done/Notes/b.txt");
await assert.rejects(c.renameFolder(done, "Nothing", "Something"));
await c.addTrackers(hash, "http://b.example/announce");
// It asks for torrents/editTrackers, which no version has.
await assert.rejects(c.editTrackers(hash, "http://b.example/announce", "http://c.example/announce"), /404/);
await c.removeTrackers(hash, "http://tracker.example/announce");
assert.deepEqual((await c.torrentTrackers(hash)).slice(3).map((one) => one.url), ["http://b.example/announce"]);

// what there is not: feeds
assert.deepEqual(await c.getRssRules(), {});
await assert.rejects(c.setRssRule("r", {}));
await c.removeRssRule("r");
assert.deepEqual(await c.getRssRules(), {});

if (later) {
  const cookies = [{ name: "n", domain: "d", path: "/", value: "v", expirationDate: 0 }];
  await c.setCookies(cookies);
  assert.equal((await c.getCookies())[0].name, "n");
  await assert.rejects(c.getDirectoryContent("/etc"));
  assert.deepEqual(await c.getTorrentCreatorStatus(), []);
}

// the end
await c.removeTorrent([done, hash], true);
assert.equal(await row(done), undefined);
assert.equal(c.logout(), true);
console.log(JSON.stringify({ offered: [...offered], driven: [...driven] }));
