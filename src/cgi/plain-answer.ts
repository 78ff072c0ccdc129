/**
 * Answers of the handler's own.
 * @module
 */

const REASONS = {
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  413: 'Content Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
} as const

/** A status with its reason. */
export function plain(status: keyof typeof REASONS, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${status} ${REASONS[status]}\n`, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
  })
}
