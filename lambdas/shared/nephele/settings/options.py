"""Orthanc's options that Nephele does not honour, by the reason why.

Those it honours are the fields of `nephele.settings.configuration.Configuration`.
"""

from __future__ import annotations

NOT_YET: frozenset[str] = frozenset(
    """
    HttpServerEnabled OrthancExplorerEnabled WebDavEnabled WebDavDeleteAllowed
    WebDavUploadAllowed DicomThreadsCount StoreDicom ExternalDictionaries DeidentifyLogs
    DeidentifyLogsDicomVersion Warnings PatientLevelEnabled HttpCompressionEnabled
    HttpRequestTimeout MaximumRequestBodySizeMB ReadOnly
    """.split()
)
"""Options Nephele will honour: accepted, without effect so far."""

WITHOUT_MEANING: frozenset[str] = frozenset(
    """
    MediaArchiveSize SynchronousZipStream LoaderThreads ZipLoaderThreads StorageDirectory
    IndexDirectory StorageLoaderThreadsCount StorageMemoryCapacity LuaScripts Plugins
    HttpBindAddresses HttpThreadsCount SslVerifyPeers
    SslTrustedClientCertificates HttpVerbose Locale SaveJobs DatabaseServerIdentifier
    TemporaryDirectory LuaHeartBeatPeriod Pkcs11 ExecuteLuaEnabled
    RestApiWriteToFileSystemEnabled KeepAlive KeepAliveTimeout TcpNoDelay
    DicomAssociationCloseDelay JobsEngineThreadsCount SyncStorageArea MallocArenaMax
    MaximumConcurrentDcmtkTranscoders
    DicomParserThreadsCount DicomParserMemoryCapacity DicomParserCacheSize
    TranscoderThreadsCount TranscoderMemoryCapacity TranscoderCacheSize
    SequentialDicomReaderThreadsCount SequentialDicomReaderWindowSize
    SequentialDicomReaderWindowCapacity
    """.split()
)
"""Options without a meaning in the cloud (threads, caches, folders, Lua): accepted, ignored."""

PLUGIN_SECTIONS: frozenset[str] = frozenset(
    """
    AdvancedStorage Authorization AwsS3Storage AzureBlobStorage ConnectivityChecks DelayedDeletion
    DicomWeb Gdcm GoogleCloudStorage Housekeeper Indexer Java MultitenantDicom MySQL OHIF Odbc
    OrthancExplorer2 PostgreSQL Python PythonScript PythonVerbose STL ServeFolders StoneWebViewer
    Tcia Transfers VolView WebViewer WholeSlideImaging
    """.split()
)
"""Sections of Orthanc plugins: accepted, without effect so far."""
