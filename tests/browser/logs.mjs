// Made-up flow logs of both sides, with every kind of difference in them and names that would like to be markup.
import fs from "node:fs";
import path from "node:path";

const START = 1641596400; // 2022-01-07T23:00:00Z
const HEADER = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";

// What must never be run, nor ask for anything.
export const HOSTILE = `<img/src=x/onerror=alert(1)>"'</script><script>alert(2)</script>`;

// Writes `interfaces` times `slots` slots of records under `folder`/s3 and `folder`/cwl.
export function write(folder, { interfaces, slots, hostile }) {
  const sides = { s3: path.join(folder, "s3"), cwl: path.join(folder, "cwl") };
  for (const side of Object.values(sides)) fs.mkdirSync(side, { recursive: true });
  const objects = new Map();
  for (let number = 0; number < interfaces; number++) {
    const eni = hostile && number === 1 ? HOSTILE : "eni-" + number.toString(16).padStart(17, "0");
    const events = [];
    for (let slot = 0; slot < slots; slot++) {
      for (let one = 0; one < 3; one++) {
        const at = START + slot * 300 + one * 60;
        const action = hostile && number === 2 ? HOSTILE : "ACCEPT";
        const line = (bytes) => `2 123456789010 ${eni} 10.0.${number % 250}.1 10.0.0.2 ${40000 + one} 443 6 ${one + 1} ${bytes} ${at} ${at + 59} ${action} OK`;
        const lacks = { s3: number % 17 === 3 && slot % 5 === 0, cwl: number % 7 === 1 && slot >= 3 && slot < 9 };
        const diverges = number % 11 === 5 && slot === slots - 2;
        if (!lacks.s3) {
          const lines = objects.get(slot) ?? [];
          lines.push(line(1000), ...(number % 13 === 4 && one === 0 ? [line(1000)] : []));
          objects.set(slot, lines);
        }
        if (!lacks.cwl) events.push({ timestamp: at * 1000, message: line(diverges ? 999 : 1000), ingestionTime: (at + 60 + (number * 7 + one * 97) % 700) * 1000 });
      }
    }
    const name = "eni-" + number.toString(16).padStart(17, "0") + "-all";
    fs.writeFileSync(path.join(sides.cwl, name + ".json"), JSON.stringify({ events, nextForwardToken: "f", nextBackwardToken: "b" }));
  }
  for (const [slot, lines] of objects) {
    const time = new Date((START + slot * 300) * 1000).toISOString().replace(/[-:]/g, "").slice(0, 13) + "Z";
    fs.writeFileSync(path.join(sides.s3, `123456789010_vpcflowlogs_us-east-1_fl-0f1a2b3c4d5e6f708_${time}_1a2b3c4d.log`), [HEADER, ...lines, ""].join("\n"));
  }
  // Cut short: what it holds is not known.
  fs.writeFileSync(path.join(sides.s3, "123456789010_vpcflowlogs_us-east-1_fl-0f1a2b3c4d5e6f708_20220107T2350Z_cut.log.gz"), Buffer.from([0x1f, 0x8b, 8, 0]));
  return sides;
}
