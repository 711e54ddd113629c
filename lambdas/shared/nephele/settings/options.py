"""Orthanc's options that Nephele does not honour, by the reason why.

Those it honours are the fields of `nephele.settings.configuration.Configuration`.
"""

from __future__ import annotations

NOT_YET: frozenset[str] = frozenset(
    """
    StorageCompression MaximumStorageSize MaximumPatientCount MaximumStorageMode ConcurrentJobs
    HttpServerEnabled OrthancExplorerEnabled WebDavEnabled WebDavDeleteAllowed
    WebDavUploadAllowed DicomTlsEnabled DicomTlsCertificate DicomTlsPrivateKey
    DicomTlsTrustedCertificates DicomTlsRemoteCertificateRequired DicomModalitiesInDatabase
    DicomEchoChecksFind DicomDefaultRetrieveMethod DicomScuPreferredTransferSyntax
    DicomThreadsCount OrthancPeers OrthancPeersInDatabase HttpProxy HttpTimeout HttpsVerifyPeers
    HttpsCACertificates StoreDicom QueryRetrieveSize
    CaseSensitivePN ExternalDictionaries SynchronousCMove
    JobsHistorySize SaveJobs MediaArchiveSize StorageAccessOnFind
    StorageCommitmentReportsSize TranscodeDicomProtocol
    DeidentifyLogs DeidentifyLogsDicomVersion CheckRevisions
    SynchronousZipStream Warnings UserMetadata UserContentType StoreMD5ForAttachments
    PatientLevelEnabled HttpCompressionEnabled HttpRequestTimeout
    MaximumRequestBodySizeMB DicomScuTimeout DicomTlsMinimumProtocolVersion
    DicomTlsCiphersAccepted ReadOnly ZipUseUtf8 LoaderThreads
    ZipLoaderThreads
    """.split()
)
"""Options Nephele will honour: accepted, without effect so far."""

WITHOUT_MEANING: frozenset[str] = frozenset(
    """
    StorageDirectory IndexDirectory MaximumStorageCacheSize StorageLoaderThreadsCount
    StorageMemoryCapacity LuaScripts Plugins HttpBindAddresses HttpThreadsCount SslEnabled
    SslCertificate SslVerifyPeers SslTrustedClientCertificates HttpVerbose Locale
    DatabaseServerIdentifier TemporaryDirectory LuaHeartBeatPeriod Pkcs11 ExecuteLuaEnabled
    RestApiWriteToFileSystemEnabled KeepAlive KeepAliveTimeout TcpNoDelay
    DicomAssociationCloseDelay SslMinimumProtocolVersion SslCiphersAccepted
    JobsEngineThreadsCount SyncStorageArea MallocArenaMax MaximumConcurrentDcmtkTranscoders
    DicomParserThreadsCount DicomParserMemoryCapacity DicomParserCacheSize
    TranscoderThreadsCount TranscoderMemoryCapacity TranscoderCacheSize
    SequentialDicomReaderThreadsCount SequentialDicomReaderWindowSize
    SequentialDicomReaderWindowCapacity
    """.split()
)
"""Options without a meaning in the cloud (threads, caches, folders, Lua): accepted, ignored."""

PLUGIN_SECTIONS: frozenset[str] = frozenset(
    """
    AdvancedStorage Authorization AwsS3Storage DelayedDeletion DicomWeb Housekeeper
    MultitenantDicom OHIF PostgreSQL Transfers Worklists
    """.split()
)
"""Sections of Orthanc plugins: accepted, without effect so far."""
