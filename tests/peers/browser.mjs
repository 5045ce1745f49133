// What a person with a browser does at the authorization server of the tests: follows, types a name, says yes or no.
const STEPS_MAX = 20;

/**
 * Goes to a page of an authorization server and through its forms until it is sent elsewhere; returns that address,
 * unvisited. answer: 'yes' or 'no'.
 */
export async function signIn(address, { login = 'alice', answer = 'yes' } = {}) {
  const cookies = new Map();
  let url = new URL(address);
  const { origin } = url;
  let form;
  for (let step = 0; step < STEPS_MAX; step++) {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === undefined ? {} : { method: 'POST', body: form }),
    });
    const text = await response.text();
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      cookies.set(name, value);
    }
    form = undefined;
    if (response.headers.has('location')) {
      url = new URL(response.headers.get('location'), url);
      if (url.origin !== origin) return url.href;
    } else if (response.ok && text.includes('<form')) {
      form = new URLSearchParams({ login, answer });
    } else {
      throw new Error(`a page that leads nowhere: ${response.status} ${text.slice(0, 1000)}`);
    }
  }
  throw new Error('the sign-in does not end');
}
