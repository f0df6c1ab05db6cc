// Sends bytes to a loopback port that gives them back, and compares by hash: echo.ts PORT BYTES, on a host of the range.
// Ends its side when all is sent and prints {"received", "same"} when the other side ends too.
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';

const [port = '', bytes = ''] = process.argv.slice(2);
const total = Number(bytes);
const socket = connect({ host: '127.0.0.1', port: Number(port), allowHalfOpen: true });
const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 17), Buffer.alloc(16));
const zeros = Buffer.alloc(1 << 16);
const sent = createHash('sha256');
const back = createHash('sha256');
let received = 0;
socket.on('data', (chunk: Buffer) => {
  received += chunk.length;
  back.update(chunk);
  if (received === total) socket.end();
});
const over = once(socket, 'close');
for (let left = total; left > 0; ) {
  const chunk = cipher.update(zeros.subarray(0, Math.min(left, zeros.length)));
  left -= chunk.length;
  sent.update(chunk);
  if (!socket.write(chunk)) await once(socket, 'drain');
}
await over;
process.stdout.write(`${JSON.stringify({ received, same: sent.digest('hex') === back.digest('hex') })}\n`);
