// The one answer that the gate makes without the judge: to a caller whose client certificate is refused.

/** A whole HTTP/1.1 answer with a Kubernetes `Status` of code 401; the connection ends with it. */
export function unauthorizedAnswer(message: string): Buffer {
  const body = Buffer.from(
    `${JSON.stringify({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason: 'Unauthorized',
      code: 401,
    })}\n`,
  );
  const head = `HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nCache-Control: no-cache, private\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}
