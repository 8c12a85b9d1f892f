// A server that tracks who visits it and who signs up. In: requests, then SIGTERM or SIGINT. Out: replies, and every
// event delivered before the process ends.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
// So that the events are delivered when the process gets a signal.
app.enableShutdownHooks();
await app.listen(Number(process.env['PORT'] ?? 3000));
const { port } = app.getHttpServer().address();
console.log(`Server listening at http://127.0.0.1:${port}`);
