/** Nest's decorators need the metadata store before any decorated class is imported. */
import 'reflect-metadata';
