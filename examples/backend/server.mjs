// A gRPC server for the examples. It knows nothing of HTTP, JSON or the gateway.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const protos = join(import.meta.dirname, 'protos');
// protogate contains google/api/annotations.proto.
const googleProtos = join(dirname(createRequire(import.meta.url).resolve('protogate/package.json')), 'protos');
const definitions = loadSync('hotel/v1/hotel.proto', { includeDirs: [protos, googleProtos], keepCase: true });

const bookings = [{ name: 'rooms/7/bookings/1', guest: 'Ada', nights: 2 }];

const server = new grpc.Server();
server.addService(definitions['hotel.v1.Hotel'], {
  GetRoom({ request }, reply) {
    if (request.name !== 'rooms/7') return reply({ code: grpc.status.NOT_FOUND, details: `no room '${request.name}'` });
    reply(null, { name: 'rooms/7', beds: 2 });
  },
  WatchBookings(call) {
    for (const booking of bookings) call.write(booking);
    call.end();
  },
  CreateBooking({ request }, reply) {
    const booking = { ...request.booking, name: `${request.room}/bookings/${bookings.length + 1}` };
    bookings.push(booking);
    reply(null, booking);
  },
});

const address = `127.0.0.1:${process.env.BACKEND_PORT ?? 50051}`;
server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening on 127.0.0.1:${port}`);
});
process.once('SIGTERM', () => server.forceShutdown());
