// Preloaded into servers that would listen on every interface: a port without a host becomes loopback.
import net from 'node:net';

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  const isPort = typeof port === 'number' || (typeof port === 'string' && /^\d+$/.test(port));
  const hasHost = typeof rest[0] === 'string';
  return isPort && !hasHost ? listen.call(this, Number(port), '127.0.0.1', ...rest) : listen.call(this, port, ...rest);
};
