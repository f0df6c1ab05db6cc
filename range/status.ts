// metav1.Status: how every error of the API server reads.
const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  406: 'NotAcceptable',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

export type Details = { readonly name?: string; readonly group?: string; readonly kind?: string };

export function reasonOf(code: number): string {
  return reasons[code] ?? 'Unknown';
}

export function failureStatus(code: number, message: string, details?: Details): string {
  return `${JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: reasonOf(code),
    ...(details ? { details } : {}),
    code,
  })}\n`;
}
